package main

import (
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// memoryLimit returns the smallest limit of memory, in bytes, of the control groups
// that this process is in, from a file system that holds proc and what is mounted;
// false where there is none or none can be read. See cgroups(7), proc_pid_mountinfo(5).
func memoryLimit(root fs.FS) (smallest int64, limited bool) {
	memberships, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return 0, false
	}
	mounts, err := fs.ReadFile(root, "proc/self/mountinfo")
	if err != nil {
		return 0, false
	}
	for line := range strings.Lines(string(mounts)) {
		h, ok := hierarchyOf(line)
		if !ok {
			continue
		}
		for group := h.groupIn(string(memberships)); ; group = path.Dir(group) {
			if limit, ok := readLimit(root, path.Join(h.mounted, group, h.file)); ok && (!limited || limit < smallest) {
				smallest, limited = limit, true
			}
			if group == "." {
				break
			}
		}
	}
	return smallest, limited
}

// hierarchy is a tree of control groups that may limit memory.
type hierarchy struct {
	controller string // its name in the list of memberships
	file       string // holds the limit of a group
	top        string // the group that is mounted
	mounted    string // where, without the slash at the front
}

// hierarchyOf reads a line of mountinfo, false where it is of something else.
func hierarchyOf(line string) (hierarchy, bool) {
	mount, source, ok := strings.Cut(line, " - ")
	of, from := strings.Fields(mount), strings.Fields(source)
	if !ok || len(of) < 5 || len(from) < 3 {
		return hierarchy{}, false
	}
	h := hierarchy{top: unescape(of[3]), mounted: strings.Trim(path.Clean(unescape(of[4])), "/")}
	switch {
	case from[0] == "cgroup2":
		h.file = "memory.max"
	case from[0] == "cgroup" && slices.Contains(strings.Split(from[2], ","), "memory"):
		h.controller, h.file = "memory", "memory.limit_in_bytes"
	default:
		return hierarchy{}, false
	}
	return h, true
}

// unescape undoes what mountinfo does to a path.
func unescape(s string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
}

// groupIn returns the group of this process below the one that is mounted, "." for
// that itself. A group outside of it, as a container may be in, has its limits.
func (h hierarchy) groupIn(memberships string) string {
	for line := range strings.Lines(memberships) {
		parts := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
		if len(parts) < 3 || !slices.Contains(strings.Split(parts[1], ","), h.controller) {
			continue
		}
		below, inside := strings.CutPrefix(parts[2]+"/", strings.TrimSuffix(h.top, "/")+"/")
		if !inside || slices.Contains(strings.Split(below, "/"), "..") {
			break
		}
		return path.Join(".", strings.Trim(below, "/"))
	}
	return "."
}

// noLimit is what a limit that nobody has set is above: version 1 writes the largest
// number of whole pages.
const noLimit = 1 << 60

func readLimit(root fs.FS, name string) (int64, bool) {
	text, err := fs.ReadFile(root, name)
	if err != nil {
		return 0, false
	}
	limit, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	return limit, err == nil && 0 < limit && limit < noLimit
}
