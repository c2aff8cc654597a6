/* web_server.h - a web server for one test: on the loopback, on a port of the system's choosing, serving the files of
 * FOLDER/origin in as many unpleasant ways as there are names below. The first part of the path chooses the way:
 * http://127.0.0.1:PORT/cut/FILE. Each request leaves a line "PATH RANGE" in FOLDER/requests. Defines functions. */
#ifndef TEST_WEB_SERVER_H
#define TEST_WEB_SERVER_H

#include "command.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

typedef enum way {
    WAY_RIGHT,   /* as it should be */
    WAY_WRONG,   /* a byte is changed */
    WAY_CUT,     /* promises the whole and closes after CUT_BYTES */
    WAY_WHOLE,   /* ignores Range */
    WAY_MISSING, /* 404 */
    WAY_BROKEN,  /* 500 */
    WAY_STALL,   /* sends STALL_BYTES, then nothing more */
    WAY_MUTE,    /* accepts and never answers */
    WAY_MOVED,   /* redirects to WAY_RIGHT */
    WAY_PAGE,    /* status 200, and a page that says something else */
    WAYS
} way;

static const char *const way_name[WAYS] = {"right",  "wrong", "cut",  "whole", "missing",
                                           "broken", "stall", "mute", "moved", "page"};

enum { STALL_BYTES = 1000, REQUEST_ROOM = 4096 };
static const size_t cut_bytes = 30000;

typedef struct request {
    char path[256];
    way how;
    const char *file; /* within path */
    size_t from;      /* of Range; 0: none */
    char range[64];
} request;

static inline void send_all(int to, const char *data, size_t bytes)
{
    while (bytes > 0) {
        ssize_t n = send(to, data, bytes, MSG_NOSIGNAL);
        if (n <= 0)
            _exit(0); /* the client has gone */
        data += n;
        bytes -= (size_t)n;
    }
}

static inline void wait_for_end(int from)
{
    char byte;
    while (recv(from, &byte, 1, 0) > 0) {
    }
}

static inline void send_head(int to, const char *status, size_t length, const char *more)
{
    char head[600];
    int n = snprintf(head, sizeof head, "HTTP/1.1 %s\r\nContent-Length: %zu\r\nConnection: close\r\n%s\r\n", status,
                     length, more);
    send_all(to, head, (size_t)n);
}

static inline void send_file(int to, const request *r)
{
    char name[300], more[128] = "";
    size_t size = 0;
    snprintf(name, sizeof name, "origin/%s", r->file);
    char *content = slurp(name, &size);
    if (content == NULL) {
        send_head(to, "404 Not Found", 0, "");
        return;
    }
    size_t from = r->how == WAY_WHOLE ? 0 : r->from;
    if (from >= size) {
        send_head(to, "416 Range Not Satisfiable", 0, "");
        return;
    }
    if (r->how == WAY_WRONG)
        content[size / 2] ^= 1;
    if (from > 0)
        snprintf(more, sizeof more, "Content-Range: bytes %zu-%zu/%zu\r\n", from, size - 1, size);
    send_head(to, from > 0 ? "206 Partial Content" : "200 OK", size - from, more);
    size_t bytes = size - from, most = r->how == WAY_CUT ? cut_bytes : r->how == WAY_STALL ? STALL_BYTES : bytes;
    send_all(to, content + from, bytes < most ? bytes : most);
    if (r->how == WAY_STALL)
        wait_for_end(to);
    free(content);
}

static inline void answer(int to, const request *r)
{
    static const char page[] = "<html>Please log in to this network.</html>";
    char more[400];
    switch (r->how) {
    case WAY_MISSING:
        send_head(to, "404 Not Found", 0, "");
        break;
    case WAY_BROKEN:
        send_head(to, "500 Internal Server Error", 0, "");
        break;
    case WAY_MUTE:
        wait_for_end(to);
        break;
    case WAY_MOVED:
        snprintf(more, sizeof more, "Location: /%s/%s\r\n", way_name[WAY_RIGHT], r->file);
        send_head(to, "302 Found", 0, more);
        break;
    case WAY_PAGE:
        send_head(to, "200 OK", sizeof page - 1, "");
        send_all(to, page, sizeof page - 1);
        break;
    default:
        send_file(to, r);
    }
}

/* Reads the head of a request; ends the process where there is none. */
static inline void read_request(request *r, int from)
{
    char head[REQUEST_ROOM + 1] = "";
    size_t used = 0;
    *r = (request){.how = WAYS, .range = "-"};
    while (strstr(head, "\r\n\r\n") == NULL && used < REQUEST_ROOM) {
        ssize_t n = recv(from, head + used, REQUEST_ROOM - used, 0);
        if (n <= 0)
            _exit(0);
        used += (size_t)n;
        head[used] = '\0';
    }
    if (sscanf(head, "GET /%255s", r->path) != 1)
        _exit(1);
    const char *range = strstr(head, "\r\nRange: bytes=");
    if (range != NULL && sscanf(range + 15, "%zu", &r->from) == 1)
        snprintf(r->range, sizeof r->range, "%zu-", r->from);
    size_t length = strcspn(r->path, "/");
    for (size_t i = 0; i < WAYS; i++)
        if (strncmp(r->path, way_name[i], length) == 0 && way_name[i][length] == '\0')
            r->how = (way)i;
    if (r->how == WAYS || r->path[length] == '\0')
        _exit(1);
    r->file = r->path + length + 1;
}

static inline void note_request(const request *r)
{
    char path[600];
    snprintf(path, sizeof path, "%s/requests", folder);
    FILE *f = fopen(path, "a");
    if (f != NULL) {
        fprintf(f, "%s %s\n", r->path, r->range);
        fclose(f);
    }
}

static inline void serve(int listener)
{
    signal(SIGCHLD, SIG_IGN);
    for (;;) {
        int client = accept(listener, NULL, NULL);
        if (client < 0)
            continue;
        if (fork() == 0) {
            close(listener);
            request r;
            read_request(&r, client);
            note_request(&r);
            answer(client, &r);
            shutdown(client, SHUT_WR);
            wait_for_end(client);
            _exit(0);
        }
        close(client);
    }
}

typedef struct web_server {
    pid_t process;
    int port;
} web_server;

static inline web_server server_start(void)
{
    web_server s = {0};
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(listener >= 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(listener, 16), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    s.port = ntohs(address.sin_port);
    s.process = fork();
    if (s.process == 0)
        serve(listener);
    assert_true(s.process > 0);
    close(listener);
    return s;
}

static inline void server_stop(const web_server *s)
{
    kill(s->process, SIGKILL);
    waitpid(s->process, NULL, 0);
}

#endif
