/* Reading what a link in /pfs/out leads to, as the sandbox sees it: only here do the namespaces, the throw-away layer and
 * the hidden folders decide, so the worker never follows a link that user code made. Links of /proc that lead out of the
 * file system's names ("magic" ones) are refused: through them the shim would show what only the shim may open. */
#define _GNU_SOURCE
#include "shim.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#define PROC_FILES 0x9fa0
#define SYS_FILES 0x62656572

enum { IS_MISSING = 0, IS_FILE = 1, IS_FOLDER = 2, IS_OTHER = 3 };

static int open_safely(const char *path, int flags)
{
	struct open_how how = {.flags = (uint64_t)(flags | O_CLOEXEC), .resolve = RESOLVE_NO_MAGICLINKS};
	return (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how);
}

static int kind_of(int fd, const struct stat *st)
{
	struct statfs fs;
	if (fstatfs(fd, &fs) == 0 && (fs.f_type == PROC_FILES || fs.f_type == SYS_FILES))
		return IS_OTHER;
	if (S_ISREG(st->st_mode))
		return IS_FILE;
	return S_ISDIR(st->st_mode) ? IS_FOLDER : IS_OTHER;
}

/* Open a file or folder for reading; -1 with *why. Devices and pipes are never opened, since that alone can do things. */
static int open_for_reading(const char *path, int *kind, struct stat *st, const char **why)
{
	*kind = IS_MISSING;
	int fd = open_safely(path, O_PATH);
	if (fd < 0 || fstat(fd, st) != 0) {
		*why = errno == ELOOP ? "a loop of links, or a link of /proc" : strerror(errno);
		return -1;
	}
	*kind = kind_of(fd, st);
	close(fd);
	if (*kind == IS_OTHER) {
		*why = "neither a file nor a folder";
		return -1;
	}
	fd = open_safely(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		*why = strerror(errno);
	return fd;
}

void look_at(struct frame *frame)
{
	struct cursor in = {frame->data, frame->data + frame->size, false};
	const char *path = take_text(&in, NULL);
	if (in.broken)
		fatal("broken request to look at a path");
	int kind;
	struct stat st = {0};
	const char *why = "";
	int fd = open_for_reading(path, &kind, &st, &why);
	if (fd >= 0)
		close(fd);
	uint8_t room[1024];
	struct cursor out = {room, room + sizeof room, false};
	give_u32(&out, (uint32_t)kind);
	give_u64(&out, (uint64_t)st.st_size);
	give_u64(&out, (uint64_t)st.st_dev);
	give_u64(&out, (uint64_t)st.st_ino);
	give_u64(&out, (uint64_t)st.st_ctim.tv_sec * 1000000000u + (uint64_t)st.st_ctim.tv_nsec);
	give_text(&out, why);
	send_frame('l', room, (size_t)(out.at - room));
}

static const char *send_bytes(int fd)
{
	static uint8_t piece[PIECE];
	for (;;) {
		ssize_t n = read(fd, piece, sizeof piece);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return strerror(errno);
		if (n == 0)
			return "";
		send_frame('D', piece, (size_t)n);
	}
}

static const char *send_names(int fd)
{
	static char piece[PIECE];
	size_t used = 0;
	DIR *folder = fdopendir(fd);
	if (folder == NULL)
		return strerror(errno);
	struct dirent *entry;
	while ((entry = readdir(folder)) != NULL) {
		size_t size = strlen(entry->d_name) + 1;
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (used + size > sizeof piece) {
			send_frame('D', piece, used);
			used = 0;
		}
		memcpy(piece + used, entry->d_name, size);
		used += size;
	}
	if (used > 0)
		send_frame('D', piece, used);
	closedir(folder);
	return "";
}

void read_path(struct frame *frame)
{
	struct cursor in = {frame->data, frame->data + frame->size, false};
	const char *path = take_text(&in, NULL);
	if (in.broken)
		fatal("broken request to read a path");
	int kind;
	struct stat st;
	const char *why = "";
	int fd = open_for_reading(path, &kind, &st, &why);
	if (fd >= 0)
		why = kind == IS_FOLDER ? send_names(fd) : send_bytes(fd);
	if (fd >= 0 && kind != IS_FOLDER)
		close(fd);
	send_text('g', why);
}
