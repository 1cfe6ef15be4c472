/* A datagram load that does nothing but ask: what a generator is measured by.
 *
 *   udp_load PORT SOCKETS WINDOW SIZE SECONDS
 *
 * A closed loop: each socket keeps WINDOW datagrams of SIZE bytes on their way to 127.0.0.1, and sends more when half of
 * them are back. It sends by sendmmsg, receives by recvmmsg, and compares each reply with the same capitals; it knows no
 * numbers and keeps no latencies. Sockets that hear nothing for 50 ms begin anew. Prints: right, wrong, and lost replies,
 * and the seconds. `cargo xtask bench generator` builds it and sets `callbox bench` beside it. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>

enum { MOST = 256, ROOM = 2048, BUFFER = 1 << 20 };
static const double SILENCE = 0.05;

static struct mmsghdr outgoing[MOST], incoming[MOST];
static struct iovec request, slots[MOST];
static char text[ROOM], capitals[ROOM], replies[MOST][ROOM + 192];

struct lane {
    int fd, waiting;
    double heard;
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

static void fill(struct lane *lane, int window)
{
    while (lane->waiting < window) {
        int n = sendmmsg(lane->fd, outgoing, window - lane->waiting, 0);
        if (n <= 0)
            return;
        lane->waiting += n;
    }
}

int main(int count, char **words)
{
    if (count != 6)
        return 2;
    int sockets = atoi(words[2]), window = atoi(words[3]), size = atoi(words[4]), buffer = BUFFER;
    double seconds = atof(words[5]);
    if (sockets < 1 || window < 1 || window > MOST || size < 1 || size > ROOM)
        return 2;
    for (int i = 0; i < size; i++) {
        text[i] = 'a' + i % 26;
        capitals[i] = 'A' + i % 26;
    }
    request = (struct iovec){ text, size };
    for (int i = 0; i < MOST; i++) {
        slots[i] = (struct iovec){ replies[i], ROOM };
        outgoing[i].msg_hdr = (struct msghdr){ .msg_iov = &request, .msg_iovlen = 1 };
        incoming[i].msg_hdr = (struct msghdr){ .msg_iov = &slots[i], .msg_iovlen = 1 };
    }
    struct sockaddr_in server = { .sin_family = AF_INET, .sin_port = htons(atoi(words[1])),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct lane *lanes = calloc(sockets, sizeof *lanes);
    int poll = epoll_create1(0);
    for (int i = 0; i < sockets; i++) {
        lanes[i].fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
        setsockopt(lanes[i].fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
        if (connect(lanes[i].fd, (struct sockaddr *)&server, sizeof server) < 0) {
            perror("connect");
            return 1;
        }
        struct epoll_event event = { .events = EPOLLIN, .data.u32 = i };
        epoll_ctl(poll, EPOLL_CTL_ADD, lanes[i].fd, &event);
    }
    long right = 0, wrong = 0, lost = 0;
    double begin = now(), time = begin, looked = begin;
    for (int i = 0; i < sockets; i++) {
        lanes[i].heard = begin;
        fill(&lanes[i], window);
    }
    while ((time = now()) - begin < seconds) {
        struct epoll_event events[64];
        int ready = epoll_wait(poll, events, 64, 20);
        for (int e = 0; e < ready; e++) {
            struct lane *lane = &lanes[events[e].data.u32];
            int n = recvmmsg(lane->fd, incoming, window, MSG_DONTWAIT, NULL);
            for (int i = 0; i < n; i++)
                if (incoming[i].msg_len == (unsigned)size && !memcmp(replies[i], capitals, size))
                    right++;
                else
                    wrong++;
            if (n <= 0)
                continue;
            lane->heard = now();
            lane->waiting -= n < lane->waiting ? n : lane->waiting;
            if (lane->waiting <= window / 2)
                fill(lane, window);
        }
        if (time - looked < SILENCE)
            continue;
        looked = time;
        for (int i = 0; i < sockets; i++)
            if (time - lanes[i].heard > SILENCE) {
                lost += lanes[i].waiting;
                lanes[i].waiting = 0;
                lanes[i].heard = time;
                fill(&lanes[i], window);
            }
    }
    printf("%ld %ld %ld %.6f\n", right, wrong, lost, now() - begin);
    return 0;
}
