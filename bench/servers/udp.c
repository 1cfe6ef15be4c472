/* A datagram server that does nothing but the exchange: what comes in on 127.0.0.1 goes back in capitals.
 *
 *   udp loop|mmsg|gro PORT
 *
 * loop: one recvfrom and one sendto for each datagram. mmsg: recvmmsg and sendmmsg of up to 64. gro: the same, where
 * datagrams that came in one run (UDP_GRO) leave as one run (UDP_SEGMENT). `cargo xtask bench` builds and measures it. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { BATCH = 64, ROOM = 65536, BUFFER = 4 << 20 };

static void capitals(char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (text[i] >= 'a' && text[i] <= 'z')
            text[i] -= 'a' - 'A';
}

static void loop(int fd)
{
    static char text[ROOM];
    for (;;) {
        struct sockaddr_in from;
        socklen_t size = sizeof from;
        ssize_t n = recvfrom(fd, text, sizeof text, 0, (struct sockaddr *)&from, &size);
        if (n < 0)
            continue;
        capitals(text, n);
        sendto(fd, text, n, 0, (struct sockaddr *)&from, size);
    }
}

/* The length at which a received run is to be cut again, or 0. */
static uint16_t segment_of(struct msghdr *header)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c; c = CMSG_NXTHDR(header, c))
        if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_GRO) {
            int segment;
            memcpy(&segment, CMSG_DATA(c), sizeof segment);
            return segment;
        }
    return 0;
}

static void batches(int fd, int gro)
{
    static struct mmsghdr headers[BATCH];
    static struct iovec pieces[BATCH];
    static struct sockaddr_in names[BATCH];
    static union { struct cmsghdr align; char bytes[CMSG_SPACE(sizeof(int))]; } control[BATCH];
    /* The first bytes of all buffers would share cache lines at a distance that is a power of two. */
    const size_t stride = (gro ? ROOM : 2048) + 192;
    char *text = malloc(BATCH * stride);
    if (!text)
        exit(1);
    for (;;) {
        for (int i = 0; i < BATCH; i++) {
            struct msghdr *h = &headers[i].msg_hdr;
            pieces[i] = (struct iovec){ text + i * stride, stride - 192 };
            *h = (struct msghdr){ .msg_name = &names[i], .msg_namelen = sizeof names[i],
                                  .msg_iov = &pieces[i], .msg_iovlen = 1 };
            if (gro) {
                h->msg_control = control[i].bytes;
                h->msg_controllen = sizeof control[i].bytes;
            }
        }
        int n = recvmmsg(fd, headers, BATCH, MSG_WAITFORONE, NULL);
        for (int i = 0; i < n; i++) {
            struct msghdr *h = &headers[i].msg_hdr;
            uint16_t segment = gro ? segment_of(h) : 0;
            pieces[i].iov_len = headers[i].msg_len;
            capitals(pieces[i].iov_base, pieces[i].iov_len);
            h->msg_control = NULL;
            h->msg_controllen = 0;
            if (segment && segment < headers[i].msg_len) {
                h->msg_control = control[i].bytes;
                h->msg_controllen = CMSG_SPACE(sizeof segment);
                struct cmsghdr *c = CMSG_FIRSTHDR(h);
                *c = (struct cmsghdr){ .cmsg_level = SOL_UDP, .cmsg_type = UDP_SEGMENT,
                                       .cmsg_len = CMSG_LEN(sizeof segment) };
                memcpy(CMSG_DATA(c), &segment, sizeof segment);
            }
        }
        for (int sent = 0; sent < n;) {
            int k = sendmmsg(fd, headers + sent, n - sent, 0);
            sent += k > 0 ? k : 1;
        }
    }
}

int main(int count, char **words)
{
    if (count != 3)
        return 2;
    struct sockaddr_in own = { .sin_family = AF_INET, .sin_port = htons(atoi(words[2])),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_DGRAM, 0), one = 1, buffer = BUFFER;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer);
    if (bind(fd, (struct sockaddr *)&own, sizeof own) < 0) {
        perror("bind");
        return 1;
    }
    if (!strcmp(words[1], "loop"))
        loop(fd);
    if (!strcmp(words[1], "gro"))
        setsockopt(fd, SOL_UDP, UDP_GRO, &one, sizeof one);
    batches(fd, !strcmp(words[1], "gro"));
}
