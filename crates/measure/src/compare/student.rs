//! Student's t distribution, of which few samples have heavier tails than the normal one.

/// How many steps the tail is added up in. The error is far below what is shown of an interval.
const STEPS: usize = 2000;

/// How far, in standard errors, `confidence` (0 to 1) of all samples lie from the middle at most, on either side.
///
/// With t = √ν·tan θ the density becomes cos^(ν-1) θ on an interval without an infinite end, which is added up by
/// Simpson's rule until the wanted share is reached.
pub(super) fn quantile(confidence: f64, degrees: usize) -> f64 {
    let degrees = degrees.max(1) as f64;
    let width = std::f64::consts::FRAC_PI_2 / STEPS as f64;
    let density = |theta: f64| theta.cos().max(0.0).powf(degrees - 1.0);
    let slice = |at: usize| {
        let left = at as f64 * width;
        (density(left) + 4.0 * density(left + width / 2.0) + density(left + width)) * width / 6.0
    };
    let wanted = confidence.clamp(0.0, 1.0) * (0..STEPS).map(slice).sum::<f64>();
    let mut sum = 0.0;
    for at in 0..STEPS {
        let next = slice(at);
        if sum + next >= wanted && next > 0.0 {
            let theta = (at as f64 + (wanted - sum) / next) * width;
            return degrees.sqrt() * theta.min(std::f64::consts::FRAC_PI_2 - 1e-9).tan();
        }
        sum += next;
    }
    f64::INFINITY
}

#[cfg(test)]
mod tests {
    use super::quantile;

    /// The usual table of two-sided values.
    #[test]
    fn it_agrees_with_the_table() {
        let table = [
            (0.95, 1, 12.706),
            (0.95, 2, 4.303),
            (0.95, 4, 2.776),
            (0.95, 10, 2.228),
            (0.99, 5, 4.032),
            (0.95, 1000, 1.962),
        ];
        for (confidence, degrees, want) in table {
            let got = quantile(confidence, degrees);
            assert!((got - want).abs() < 0.002 * want, "{confidence} {degrees}: {got}");
        }
    }
}
