/* file.h - reading and writing whole files safely: what every reader and writer of this library stands on.
 *
 * A reader knows how many bytes remain and never hands out fewer than were asked for: that is an error, with the path,
 * the position, and what was expected and found. A writer fills a temporary file beside the target and renames it when
 * all is on disk, so that the target is the old file or the new one, never half of one. Nothing here knows a format. */
#ifndef BP_FILE_H
#define BP_FILE_H

#include "base/base.h"

/* ---- Reading ----------------------------------------------------------------------------------------------------- */

typedef struct bp_reader bp_reader;

/* Opens a regular file. gunzip: content that begins with the gzip magic is unpacked on the way, whatever the name. Only
 * for formats that cannot begin with the bytes 1f 8b themselves. */
bp_status bp_reader_open(bp_reader **out, const char *path, bool gunzip, const bp_allocator *allocator);
/* Opens a file to be read from the front to wherever it ends, plain or gzip; "-" is standard input, and pipes and devices
 * are welcome, too: their size is not known (bp_reader_file_bytes is 0). For bp_reader_some only. */
bp_status bp_reader_open_stream(bp_reader **out, const char *path, const bp_allocator *allocator);
/* A regular file, which can be opened and read again. */
bool bp_reader_is_regular(const bp_reader *r);
/* Up to `bytes` bytes of content, as many as are at hand, at least one: *got = 0 only where the content has ended. */
bp_status bp_reader_some(bp_reader *r, void *out, size_t bytes, size_t *got);
/* Whether that would have to wait: the other end of a pipe, or a terminal, has nothing to say at the moment. */
bool bp_reader_pauses(const bp_reader *r);
void bp_reader_close(bp_reader *r);
/* Exactly `bytes` bytes of content, or an error; `what` says what they are. */
bp_status bp_reader_read(bp_reader *r, void *out, size_t bytes, const char *what);
/* Checks that the content ends here; for gzip its checksum and length, too. */
bp_status bp_reader_finish(bp_reader *r);
bool bp_reader_is_gzip(const bp_reader *r);
size_t bp_reader_file_bytes(const bp_reader *r); /* size of the file, packed or not */
/* How many bytes of content may remain: exact for a plain file. For gzip the most that the rest of the file can unpack
 * to: deflate spends at least 2 bits on a copy of at most 258 bytes, so 1032 to 1 (zlib.net/zlib_tech.html). */
size_t bp_reader_most(const bp_reader *r);

/* ---- Writing ----------------------------------------------------------------------------------------------------- */

typedef struct bp_writer bp_writer;

/* Starts a new version of `path`. Where path is a link, the file that it points to is replaced; where it is a device or
 * a pipe, the bytes go straight to it. gzip: the content is packed, without name and time, so same content, same bytes. */
bp_status bp_writer_open(bp_writer **out, const char *path, bool gzip, const bp_allocator *allocator);
bp_status bp_writer_write(bp_writer *w, const void *data, size_t bytes);
/* The hash (base/hash.h) of all content so far. */
uint64_t bp_writer_hash(const bp_writer *w);
/* Puts everything on disk, but not yet in place; nothing can be written then. For files that belong together: all are settled
 * before the first is committed. */
bp_status bp_writer_settle(bp_writer *w);
/* Puts everything on disk and in place. Frees w, also when it fails; what was at path before is then unchanged. */
bp_status bp_writer_commit(bp_writer *w);
/* Gives up: removes the temporary file and frees w. NULL is allowed. */
void bp_writer_abandon(bp_writer *w);

/* ---- Byte order -------------------------------------------------------------------------------------------------- */

bool bp_host_is_little(void);
/* Turns around the bytes of `count` elements of `size` bytes each. */
void bp_swap_bytes(void *data, size_t count, size_t size);

#endif
