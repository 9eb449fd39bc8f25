// Package postern_test holds the architecture to what ARCHITECTURE.md says.
package postern_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// rooms lists, for each package, the other packages of the module that it may
// import. A new arrow is a design decision: it is drawn here and in
// ARCHITECTURE.md.
var rooms = map[string]string{
	"policy":           "",
	"keys":             "policy",
	"metrics":          "policy",
	"authn":            "keys policy",
	"gate":             "authn policy",
	"proxy":            "gate keys metrics policy",
	"forwardauth":      "policy proxy",
	"config":           "authn forwardauth keys policy proxy",
	"explain":          "authn gate policy proxy",
	"cmd/postern":      "authn config explain forwardauth gate keys metrics policy proxy cmd/postern/anatomy cmd/postern/demo cmd/postern/policytest",
	"cmd/postern/demo": "",

	"cmd/postern/anatomy":    "keys",
	"cmd/postern/policytest": "authn config gate keys policy",
	"internal/clocktest":     "", // for tests alone

	// Programs of their own, which measure the one above from outside.
	"bench":           "",
	"bench/backend":   "",
	"bench/reference": "",
}

// forbidden names packages from outside that a room must do without.
var forbidden = map[string]map[string]string{
	"policy": {
		"net":                "policy is values: it reads no network",
		"os":                 "policy is values: it reads no files",
		"go.yaml.in/yaml/v3": "only config knows YAML",
	},
	"keys":  {"go.yaml.in/yaml/v3": "only config knows YAML", "github.com/MicahParks/keyfunc/v3": "its storage fetches by rules that are not ours"},
	"authn": {"net/http/httputil": "authn serves nothing", "go.yaml.in/yaml/v3": "only config knows YAML", "log/slog": "authn logs nothing"},
	"gate": {
		"log/slog":           "the gate logs nothing",
		"os":                 "the gate reads no files",
		"net/http/httputil":  "the gate serves nothing",
		"go.yaml.in/yaml/v3": "only config knows YAML",
		"github.com/prometheus/client_golang/prometheus": "the gate counts nothing",
	},
	"metrics": {"go.yaml.in/yaml/v3": "only config knows YAML"},
	"proxy":   {"go.yaml.in/yaml/v3": "only config knows YAML", "github.com/golang-jwt/jwt/v5": "the proxy decides nothing"},
	"forwardauth": {
		"go.yaml.in/yaml/v3": "only config knows YAML",
		"net/http/httputil":  "it forwards nothing",
	},
}

type goPackage struct {
	ImportPath string
	Imports    []string
}

func TestImportOrder(t *testing.T) {
	for _, p := range listPackages(t) {
		room, own := strings.CutPrefix(p.ImportPath, "postern/")
		if !own {
			continue
		}
		allowed, known := rooms[room]
		if !known {
			t.Errorf("%s is a new room: give it a place in the map of ARCHITECTURE.md and of this test", room)
			continue
		}
		for _, imported := range p.Imports {
			if other, inside := strings.CutPrefix(imported, "postern/"); inside && !slices.Contains(strings.Fields(allowed), other) {
				t.Errorf("%s imports %s, against the order of the rooms", room, other)
			}
			if why := forbidden[room][imported]; why != "" {
				t.Errorf("%s imports %s: %s", room, imported, why)
			}
		}
	}
}

func listPackages(t *testing.T) (list []goPackage) {
	t.Helper()
	output, err := exec.CommandContext(t.Context(), "go", "list", "-pgo=off", "-json=ImportPath,Imports", "./...").Output()
	if err != nil {
		t.Fatal(err)
	}
	for d := json.NewDecoder(bytes.NewReader(output)); ; {
		var p goPackage
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		list = append(list, p)
	}
	if len(list) < len(rooms) {
		t.Fatalf("only %d packages", len(list))
	}
	return list
}

// SECURITY.md names a test for each attack; every one of them must be there.
func TestSecurityTableNamesTests(t *testing.T) {
	page, err := os.ReadFile("SECURITY.md")
	if err != nil {
		t.Fatal(err)
	}
	defined := map[string]bool{}
	err = filepath.WalkDir(".", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		for _, match := range regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`).FindAllSubmatch(source, -1) {
			defined[string(match[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile("`((?:Test|Fuzz)\\w+)`").FindAllSubmatch(page, -1)
	for _, match := range named {
		if name := string(match[1]); !defined[name] {
			t.Errorf("SECURITY.md names %s, which does not exist", name)
		}
	}
	if len(named) < 30 {
		t.Errorf("only %d tests are named", len(named))
	}
}
