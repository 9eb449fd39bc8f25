package postern_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write allocations.txt anew")

// TestAllocations holds benchmarks to the allocations of each operation in
// allocations.txt. They are counted in programs without the race detector, which
// allocates, and with one processor, and what a busy machine adds to one round it
// does not add to all.
func TestAllocations(t *testing.T) {
	const file = "allocations.txt"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	table := readAllocations(t, string(text))
	counted := countAllocations(t, table)
	for i, row := range table {
		if row.benchmark == "" {
			continue
		}
		got, ok := counted[row.name()]
		bare, known := counted[row.room+" "+row.beyond]
		if !ok || !known && row.beyond != "" {
			t.Errorf("%s: no benchmark counts these allocations", row)
			continue
		}
		got -= bare
		table[i].most = got
		switch {
		case *update:
		case got > row.most:
			t.Errorf("%s allocates %d times, %d are written", row.name(), got, row.most)
		case row.most-got > max(row.most, -row.most)/10:
			t.Errorf("%s allocates %d times only, %d are written: go test . -run Allocations -update", row.name(), got, row.most)
		}
	}
	if *update && !t.Failed() {
		var b strings.Builder
		for _, row := range table {
			fmt.Fprintln(&b, row)
		}
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// allowance is a line of the table, either a comment or a benchmark of a room.
type allowance struct {
	comment         string
	room, benchmark string
	most            int
	beyond          string // a benchmark of the room whose allocations are not counted
}

// name is also what a benchmark is called in what countAllocations returns.
func (a allowance) name() string { return a.room + " " + a.benchmark }

// String implements fmt.Stringer.
func (a allowance) String() string {
	switch {
	case a.benchmark == "":
		return a.comment
	case a.beyond == "":
		return fmt.Sprintf("%s %d", a.name(), a.most)
	}
	return fmt.Sprintf("%s %d beyond %s", a.name(), a.most, a.beyond)
}

func readAllocations(t *testing.T, text string) (table []allowance) {
	t.Helper()
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" || strings.HasPrefix(line, "#") {
			table = append(table, allowance{comment: line})
			continue
		}
		words := strings.Fields(line)
		row := allowance{}
		var err error
		if len(words) == 3 || len(words) == 5 && words[3] == "beyond" {
			row.room, row.benchmark = words[0], words[1]
			row.most, err = strconv.Atoi(words[2])
			row.beyond = strings.Join(words[min(4, len(words)):], "")
		}
		if row.benchmark == "" || err != nil {
			t.Fatalf("%q is no line of the table", line)
		}
		table = append(table, row)
	}
	return table
}

// countAllocations runs the benchmarks of a table and returns how often each of them
// allocates, by room and name: the least of some rounds.
func countAllocations(t *testing.T, table []allowance) map[string]int {
	t.Helper()
	var rooms, patterns []string
	for _, row := range table {
		if row.benchmark == "" {
			continue
		}
		rooms = append(rooms, "./"+row.room)
		for _, name := range []string{row.benchmark, row.beyond} {
			if name != "" {
				patterns = append(patterns, "^Benchmark"+strings.ReplaceAll(regexp.QuoteMeta(name), "/", "$/^")+"$")
			}
		}
	}
	slices.Sort(rooms)
	arguments := []string{"test", "-run=^$", "-bench=" + strings.Join(patterns, "|"), "-benchmem", "-benchtime=1000x", "-count=3", "-cpu=1"}
	command := exec.CommandContext(t.Context(), "go", append(arguments, slices.Compact(rooms)...)...)
	output, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	least, room := map[string]int{}, ""
	result := regexp.MustCompile(`^Benchmark(\S+)\s.*\s(\d+) allocs/op`)
	for line := range bytes.Lines(output) {
		if name, ok := bytes.CutPrefix(line, []byte("pkg: postern/")); ok {
			room = string(bytes.TrimSpace(name))
		} else if match := result.FindSubmatch(line); match != nil {
			name := room + " " + string(match[1])
			n, err := strconv.Atoi(string(match[2]))
			if before, ok := least[name]; err == nil && (!ok || n < before) {
				least[name] = n
			}
		}
	}
	return least
}
