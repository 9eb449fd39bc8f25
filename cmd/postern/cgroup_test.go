package main

import (
	"testing"
	"testing/fstest"
)

func TestMemoryLimit(t *testing.T) {
	const (
		v2        = "29 1 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
		v1        = "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime shared:9 master:1 - cgroup cgroup rw,memory\n"
		processor = "32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu,cpuacct\n"
		disk      = "24 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw\n"
	)
	for name, test := range map[string]struct {
		memberships, mounts string
		limits              map[string]string
		want                int64 // 0 for none
	}{
		"version 2, the group itself": {
			"0::/system.slice/postern.service\n", disk + v2,
			map[string]string{
				"sys/fs/cgroup/system.slice/memory.max":                 "max\n",
				"sys/fs/cgroup/system.slice/postern.service/memory.max": "268435456\n",
			},
			256 << 20,
		},
		"version 2, a parent allows less": {
			"0::/pods/pod7/postern\n", v2,
			map[string]string{
				"sys/fs/cgroup/pods/memory.max":              "max\n",
				"sys/fs/cgroup/pods/pod7/memory.max":         "134217728\n",
				"sys/fs/cgroup/pods/pod7/postern/memory.max": "268435456\n",
				"sys/fs/cgroup/pods/pod8/memory.max":         "1048576\n",
			},
			128 << 20,
		},
		"version 2, in a namespace": {
			"0::/\n", v2, map[string]string{"sys/fs/cgroup/memory.max": "67108864\n"}, 64 << 20,
		},
		"version 2, outside of the namespace": {
			"0::/../sibling\n", v2,
			map[string]string{"sys/fs/cgroup/memory.max": "67108864\n", "sys/fs/sibling/memory.max": "1\n"}, 64 << 20,
		},
		"version 2, a part is mounted": {
			"0::/docker/7f/inner\n", "29 1 0:26 /docker/7f /sys/fs/cgroup ro - cgroup2 cgroup rw\n",
			map[string]string{
				"sys/fs/cgroup/memory.max":                 "67108864\n",
				"sys/fs/cgroup/inner/memory.max":           "max\n",
				"sys/fs/cgroup/docker/7f/inner/memory.max": "1\n",
			},
			64 << 20,
		},
		"version 2, another part is mounted": {
			"0::/docker/7fa\n", "29 1 0:26 /docker/7f /sys/fs/cgroup ro - cgroup2 cgroup rw\n",
			map[string]string{"sys/fs/cgroup/memory.max": "67108864\n", "sys/fs/cgroup/a/memory.max": "1\n"},
			64 << 20,
		},
		"version 2, mounted elsewhere": {
			"0::/a:b\n", `29 1 0:26 / /mnt/c\040groups\134 rw - cgroup2 none rw` + "\n",
			map[string]string{`mnt/c groups\/a:b/memory.max`: "67108864\n"}, 64 << 20,
		},
		"version 2, no limit": {
			"0::/a\n", v2, map[string]string{"sys/fs/cgroup/a/memory.max": "max\n"}, 0,
		},
		"version 1": {
			"4:memory:/docker/7f\n3:cpu,cpuacct:/docker/8\n", processor + v1,
			map[string]string{
				"sys/fs/cgroup/memory/memory.limit_in_bytes":           "9223372036854771712\n",
				"sys/fs/cgroup/memory/docker/memory.limit_in_bytes":    "536870912\n",
				"sys/fs/cgroup/memory/docker/7f/memory.limit_in_bytes": "268435456\n",
				"sys/fs/cgroup/cpu/docker/8/memory.limit_in_bytes":     "1\n",
			},
			256 << 20,
		},
		"version 1, no limit": {
			"4:memory:/\n", v1, map[string]string{"sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n"}, 0,
		},
		"version 1, larger pages": {
			"4:memory:/\n", v1, map[string]string{"sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854710272\n"}, 0,
		},
		"hybrid": {
			"4:memory:/a\n1:name=systemd:/b\n0::/b\n",
			v1 + "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n" +
				"40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd\n",
			map[string]string{
				"sys/fs/cgroup/memory/a/memory.limit_in_bytes": "268435456\n",
				"sys/fs/cgroup/unified/b/cgroup.procs":         "1\n",
			},
			256 << 20,
		},
		"both versions, the smallest": {
			"4:memory:/a\n0::/b\n", v1 + "41 31 0:38 / /unified rw - cgroup2 cgroup2 rw\n",
			map[string]string{
				"sys/fs/cgroup/memory/a/memory.limit_in_bytes": "268435456\n",
				"unified/b/memory.max":                         "134217728\n",
			},
			128 << 20,
		},
		"not mounted":    {"0::/a\n", disk, map[string]string{"sys/fs/cgroup/a/memory.max": "1\n"}, 0},
		"no membership":  {"", v2, map[string]string{"sys/fs/cgroup/memory.max": "67108864\n"}, 64 << 20},
		"huge":           {"0::/\n", v2, map[string]string{"sys/fs/cgroup/memory.max": "1152921504606846976\n"}, 0},
		"beyond numbers": {"0::/\n", v2, map[string]string{"sys/fs/cgroup/memory.max": "99999999999999999999\n"}, 0},
		"nothing":        {"0::/\n", v2, map[string]string{"sys/fs/cgroup/memory.max": "0\n"}, 0},
		"negative":       {"0::/\n", v2, map[string]string{"sys/fs/cgroup/memory.max": "-1\n"}, 0},
		"no number":      {"0::/\n", v2, map[string]string{"sys/fs/cgroup/memory.max": "64M\n"}, 0},
		"empty":          {"0::/\n", v2, map[string]string{"sys/fs/cgroup/memory.max": ""}, 0},
		"cut lines": {
			"\n0:\n0::\nx", "29 1 0:26 /\n29 1 0:26 / /a - cgroup2\n - cgroup2 a b\n - \n\n" + v2,
			map[string]string{"sys/fs/cgroup/memory.max": "67108864\n", "a/memory.max": "1\n", "memory.max": "1\n"}, 64 << 20,
		},
		"a mount that climbs": {
			"0::/\n", "29 1 0:26 / /../.. rw - cgroup2 cgroup rw\n", map[string]string{"memory.max": "67108864\n"}, 64 << 20,
		},
	} {
		t.Run(name, func(t *testing.T) {
			root := fstest.MapFS{
				"proc/self/cgroup":    {Data: []byte(test.memberships)},
				"proc/self/mountinfo": {Data: []byte(test.mounts)},
			}
			for name, text := range test.limits {
				root[name] = &fstest.MapFile{Data: []byte(text)}
			}
			if got, ok := memoryLimit(root); got != test.want || ok != (test.want > 0) {
				t.Errorf("%d, %t, want %d", got, ok, test.want)
			}
		})
	}
}

// Other systems have no such files, and some hide them.
func TestMemoryLimitWithoutProc(t *testing.T) {
	limit := &fstest.MapFile{Data: []byte("67108864\n")}
	for name, root := range map[string]fstest.MapFS{
		"nothing":        {},
		"no mounts":      {"proc/self/cgroup": {Data: []byte("0::/\n")}, "sys/fs/cgroup/memory.max": limit},
		"no memberships": {"proc/self/mountinfo": {Data: []byte("29 1 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n")}, "sys/fs/cgroup/memory.max": limit},
	} {
		if got, ok := memoryLimit(root); got != 0 || ok {
			t.Errorf("%s: %d, %t", name, got, ok)
		}
	}
}
