package main

import (
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// The proxy under load has one core to itself; the load, the backend and the bench
// share the other.
const (
	proxyCore = 0
	loadCore  = 1
)

// launch starts a proxy that listens on an address.
type launch func(listen string) (*process, error)

// world is all that runs for a bench.
type world struct {
	folder  string // of keys, configurations, scripts and logs
	root    string // of the repository
	backend string // its address
	signers signers
	known   map[string]launch
	running map[string]*process
	stops   []func()
}

// newWorld builds the programs and starts the backend.
func newWorld(root, folder string) (_ *world, err error) {
	w := &world{folder: folder, root: root, known: map[string]launch{}, running: map[string]*process{}}
	if _, err := os.Stat(fmt.Sprintf("/proc/self/task/%d/children", os.Getpid())); err != nil {
		return nil, fmt.Errorf("this kernel does not tell who works for a proxy: %w", err)
	}
	if w.signers, err = newSigners(folder); err != nil {
		return nil, err
	}
	for _, program := range []string{"backend", "reference"} {
		if err := w.run("go", "build", "-o", w.path(program), "./bench/"+program); err != nil {
			return nil, err
		}
	}
	if err := w.run("scripts/build", w.path("postern")); err != nil {
		return nil, err
	}
	if err := w.run("go", "build", "-pgo=off", "-o", w.path("postern-plain"), "./cmd/postern"); err != nil {
		return nil, err
	}
	// From here on the bench, too, leaves the proxy's core alone.
	if err := w.run("taskset", "-a", "-c", "-p", strconv.Itoa(loadCore), strconv.Itoa(os.Getpid())); err != nil {
		return nil, err
	}
	if err := os.WriteFile(w.path("denial"), []byte(denial), 0o600); err != nil {
		return nil, err
	}
	if w.backend, err = freeAddress(); err != nil {
		return nil, err
	}
	backend, err := start("backend", loadCore, w.backend, w.log("backend"), w.path("backend"), "-listen", w.backend)
	if err != nil {
		return nil, err
	}
	w.stops = append(w.stops, backend.stop)

	w.known = map[string]launch{
		"bare":       w.reference("bare", "100"),
		"tuned":      w.reference("tuned", tunedGC, "-tuned"),
		"httputil":   w.reference("httputil", tunedGC, "-tuned", "-keys", folder, "-remember", "-log", w.path("httputil.access")),
		"golang-jwt": w.reference("golang-jwt", tunedGC, "-tuned", "-keys", folder, "-log", w.path("golang-jwt.access")),

		"httputil plain Go": w.reference("httputil-plain", "100", "-tuned", "-keys", folder, "-remember", "-log", w.path("httputil-plain.access")),
	}
	const cached = 100_000
	for name, s := range map[string]setting{
		"postern":          {entries: cached},
		"postern uncached": {entries: 1},
		"postern 1":        {entries: cached, routes: 1},
		"postern 10000":    {entries: cached, routes: 10_000},
		"postern ring 10":  {entries: cached, tenants: 10},
		"postern ring":     {entries: cached, tenants: 100_000},
		"postern plain Go": {entries: cached, binary: w.path("postern-plain"), env: []string{"GOGC=100"}},
	} {
		s.binary = cmp.Or(s.binary, w.path("postern"))
		w.known[name] = w.postern(strings.ReplaceAll(name, " ", "-"), s)
	}
	usual := setting{binary: w.path("postern"), entries: cached}
	w.known["postern full"] = w.filled(w.postern("postern-full", usual))
	w.known["postern crowded"] = w.crowded(w.postern("postern-crowded", usual))
	for name, peer := range map[string]func(int) launch{"nginx": w.nginx, "haproxy": w.haproxy, "caddy": w.caddy} {
		if _, err := exec.LookPath(name); err != nil {
			continue
		}
		w.known[name], w.known[name+" 10000"] = peer(0), peer(10_000)
	}
	return w, nil
}

// denial is what Postern answers to a request without a credential, but for the id.
const denial = `{"type":"urn:postern:reason:missing_credential","title":"This route needs a credential that the request does not carry.","status":401,` +
	`"detail":"This route needs a credential that the request does not carry.","reason":"missing_credential","request_id":"LSAJVWYJ2L6BBGZ2H5K6VLEZ2B"}` + "\n"

func (w *world) path(name string) string { return filepath.Join(w.folder, name) }

func (w *world) log(name string) string { return w.path(name + ".out") }

// run runs a command of the repository to its end.
func (w *world) run(name string, arguments ...string) error {
	command := exec.Command(name, arguments...)
	command.Dir = w.root
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w: %s", name, strings.Join(arguments, " "), err, output)
	}
	return nil
}

// tunedGC is the GOGC of a team that has looked at a profile: its heap is then about
// as large as Postern's.
const tunedGC = "400"

func (w *world) reference(name, gogc string, flags ...string) launch {
	return func(listen string) (*process, error) {
		arguments := []string{"env", "GOGC=" + gogc, w.path("reference"), "-listen", listen, "-upstream", "http://" + w.backend, "-token", staticToken, "-denial", w.path("denial")}
		return start(name, proxyCore, listen, w.log(name), append(arguments, flags...)...)
	}
}

// proxy returns a proxy, started where it is not running yet.
func (w *world) proxy(name string) (*process, error) {
	if p := w.running[name]; p != nil {
		return p, nil
	}
	p, err := w.fresh(name)
	if err == nil {
		w.running[name] = p
	}
	return p, err
}

// fresh starts a proxy that nothing else uses.
func (w *world) fresh(name string) (*process, error) {
	listen, err := freeAddress()
	if err != nil {
		return nil, err
	}
	p, err := w.known[name](listen)
	if err != nil {
		return nil, err
	}
	w.stops = append(w.stops, p.stop)
	return p, nil
}

// close ends all that runs.
func (w *world) close() {
	for _, stop := range w.stops {
		stop()
	}
}
