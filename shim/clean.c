/* What must not survive a run: processes, and files in /tmp and /dev/shm. The files belong to hostile code, so their
 * removal uses a bounded number of descriptors and no recursion, however deep they are nested. */
#define _GNU_SOURCE
#include "shim.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE 1
#endif

void kill_everything(reaper *ended)
{
	/* As process 1, -1 means every other process of the namespace; main() has refused to go on otherwise. A fork that
	 * raced with the signal is caught by the next round. */
	bool others;
	do {
		others = kill(-1, SIGKILL) == 0;
		int status;
		struct rusage usage;
		pid_t pid;
		while ((pid = wait4(-1, &status, __WALL | (others ? 0 : WNOHANG), &usage)) > 0)
			ended(pid, status, &usage);
	} while (others);
}

static bool is_dots(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static struct {
	const char *path;
	char *names;             /* each with a NUL, and an empty one at the end */
} kept;                          /* the folder of which something stays */

void note_own(const char *path)
{
	DIR *folder = opendir(path);
	size_t used = 0;
	struct dirent *entry;
	kept.path = path;
	while (folder != NULL && (entry = readdir(folder)) != NULL) {
		if (is_dots(entry->d_name))
			continue;
		size_t size = strlen(entry->d_name) + 1;
		char *more = realloc(kept.names, used + size + 1);
		if (more == NULL)
			fatal("out of memory");
		kept.names = more;
		memcpy(kept.names + used, entry->d_name, size);
		used += size;
		kept.names[used] = 0;
	}
	if (folder != NULL)
		closedir(folder);
}

bool is_own(const char *path, const char *name)
{
	if (kept.names == NULL || strcmp(path, kept.path) != 0)
		return false;
	for (const char *own = kept.names; *own != 0; own += strlen(own) + 1)
		if (strcmp(own, name) == 0)
			return true;
	return false;
}

/* True when the entry is gone, or is a mount point of the container's own, which stays. */
static bool removed(int folder, const char *name)
{
	if (unlinkat(folder, name, 0) == 0 || errno == EBUSY)
		return true;
	return unlinkat(folder, name, AT_REMOVEDIR) == 0 || errno == EBUSY;
}

/* Remove the files of folder `name` in `top`, and move its folders up into `top`, so that depth never matters.
 * `moved` counts the folders moved; false when something of it could be neither removed nor moved. */
static bool flatten(int top, const char *name, unsigned long *moved)
{
	fchmodat(top, name, 0700, 0);
	int fd = openat(top, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *folder = fd < 0 ? NULL : fdopendir(fd);
	if (folder == NULL) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	bool clean = true;
	struct dirent *entry;
	while ((entry = readdir(folder)) != NULL) {
		if (is_dots(entry->d_name) || removed(fd, entry->d_name))
			continue;
		char up[64];
		snprintf(up, sizeof up, ".hathi-clean-%lu", *moved);
		fchmodat(fd, entry->d_name, 0700, 0); /* moving a folder changes its "..", so it must be writable */
		if (syscall(SYS_renameat2, fd, entry->d_name, top, up, RENAME_NOREPLACE) == 0 || errno == EEXIST)
			++*moved; /* a name that user code took already only costs a number: the next round moves it */
		else
			clean = false;
	}
	closedir(folder);
	return removed(top, name) && clean;
}

bool empty_folder(const char *path, int mode, keeper *keep)
{
	int top = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (top < 0)
		return errno == ENOENT;
	DIR *folder = fdopendir(top);
	if (folder == NULL) {
		close(top);
		return false;
	}
	unsigned long moved = 0, before;
	bool clean;
	do {
		clean = true;
		before = moved;
		rewinddir(folder);
		struct dirent *entry;
		while ((entry = readdir(folder)) != NULL)
			if (!is_dots(entry->d_name) && !keep(path, entry->d_name) && !removed(top, entry->d_name) &&
			    !flatten(top, entry->d_name, &moved))
				clean = false;
	} while (moved != before); /* whatever was moved up is looked at again; each round takes one level away */
	fchmod(top, (mode_t)mode);
	closedir(folder);
	return clean;
}

static bool keeps_nothing(const char *path, const char *name)
{
	(void)path;
	(void)name;
	return false;
}

bool remove_folder(const char *path)
{
	chmod(path, 0700);
	return empty_folder(path, 0700, keeps_nothing) && (rmdir(path) == 0 || errno == ENOENT);
}

static uid_t owner_uid;
static gid_t owner_gid;

static int own(const char *path, const struct stat *st, int kind, struct FTW *where)
{
	(void)kind;
	(void)where;
	if (st->st_uid == owner_uid && st->st_gid == owner_gid)
		return 0;
	return lchown(path, owner_uid, owner_gid) == 0 ? 0 : errno;
}

int own_tree(const char *path, uid_t uid, gid_t gid)
{
	owner_uid = uid;
	owner_gid = gid;
	return nftw(path, own, 32, FTW_PHYS | FTW_MOUNT);
}
