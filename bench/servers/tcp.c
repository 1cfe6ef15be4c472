/* A stream server that does nothing but the exchange: it reads 16 bytes on 127.0.0.1, answers with 16, and closes in order.
 *
 *   tcp PORT
 *
 * One thread around epoll; connections are accepted in bursts, and what a client still sends is read away before the
 * close, so that it sees no reset. `cargo xtask bench` builds and measures it. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LENGTH = 16, FILES = 1 << 16, EVENTS = 256 };

static const char farewell[LENGTH + 1] = "Goodbye, client!";
/* By descriptor: how many bytes of the message have come; more than LENGTH once it was answered. */
static unsigned char got[FILES];

/* Whether the connection is over. */
static int serve(int fd)
{
    char text[256];
    for (;;) {
        size_t room = got[fd] < LENGTH ? (size_t)(LENGTH - got[fd]) : sizeof text;
        ssize_t n = recv(fd, text, room, MSG_DONTWAIT);
        if (n <= 0)
            return n == 0 || (errno != EAGAIN && errno != EINTR);
        if (got[fd] > LENGTH)
            continue;
        got[fd] += n;
        if (got[fd] == LENGTH) {
            send(fd, farewell, LENGTH, MSG_NOSIGNAL | MSG_DONTWAIT);
            shutdown(fd, SHUT_WR);
            got[fd]++;
        }
    }
}

int main(int count, char **words)
{
    if (count != 2)
        return 2;
    struct rlimit files;
    if (!getrlimit(RLIMIT_NOFILE, &files)) {
        files.rlim_cur = files.rlim_max < FILES ? files.rlim_max : FILES;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    struct sockaddr_in own = { .sin_family = AF_INET, .sin_port = htons(atoi(words[1])),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1, poll = epoll_create1(0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&own, sizeof own) < 0 || listen(listener, 4096) < 0) {
        perror("bind");
        return 1;
    }
    struct epoll_event event = { .events = EPOLLIN, .data.fd = listener }, events[EVENTS];
    epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        int n = epoll_wait(poll, events, EVENTS, -1);
        for (int i = 0; i < n; i++) {
            int fd = events[i].data.fd;
            if (fd != listener) {
                if (serve(fd))
                    close(fd);
                continue;
            }
            while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
                if (fd >= FILES) {
                    close(fd);
                    continue;
                }
                got[fd] = 0;
                setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
                event = (struct epoll_event){ .events = EPOLLIN, .data.fd = fd };
                epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event);
                if (serve(fd))
                    close(fd);
            }
        }
    }
}
