package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

// systemd takes the unit, and finds little that the service may do beyond its task.
func TestSystemdUnit(t *testing.T) {
	needTool(t, "systemd-analyze")
	program, err := exec.LookPath("postern")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "postern.service")
	unit := exampleText(t, "../../deploy/systemd/postern.service", "ExecStart=/usr/local/bin/postern", "ExecStart="+program)
	if err := os.WriteFile(file, []byte(unit), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, arguments := range [][]string{{"verify", file}, {"security", "--offline=true", "--threshold=15", file}} {
		if output, err := exec.CommandContext(t.Context(), "systemd-analyze", arguments...).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", arguments[0], err, output)
		}
	}
}

// manifest is what a test needs to know of the objects for Kubernetes.
type manifest struct {
	Kind             string
	Data, StringData map[string]string
	Spec             struct {
		Ports    []struct{ TargetPort string }
		Template struct {
			Metadata struct{ Annotations map[string]string }
			Spec     struct{ Containers []container }
		}
	}
}

type container struct {
	Name  string
	Args  []string
	Ports []struct {
		Name          string
		ContainerPort int
	}
	LivenessProbe, ReadinessProbe struct {
		HTTPGet struct{ Path, Port string }
	}
	SecurityContext struct{ RunAsUser int }
	VolumeMounts    []struct{ Name, MountPath string }
}

// sidecar returns the objects by their kind; pairs are as [exampleText] has them.
func sidecar(t *testing.T, pairs ...string) map[string]manifest {
	t.Helper()
	manifests := map[string]manifest{}
	for d := yaml.NewDecoder(strings.NewReader(exampleText(t, "../../deploy/kubernetes/sidecar.yaml", pairs...))); ; {
		var object any
		if err := d.Decode(&object); errors.Is(err, io.EOF) {
			return manifests
		} else if err != nil {
			t.Fatal(err)
		}
		// JSON's names of fields are those of Go but for case.
		text, err := json.Marshal(object)
		var m manifest
		if err == nil {
			err = json.Unmarshal(text, &m)
		}
		if err != nil {
			t.Fatal(err)
		}
		manifests[m.Kind] = m
	}
}

// The manifest for Kubernetes is of one piece: its configuration serves with its
// secret, and listens where its probes, ports and annotations say.
func TestKubernetesSidecar(t *testing.T) {
	manifests := sidecar(t)
	pod := manifests["Deployment"].Spec.Template
	postern := pod.Spec.Containers[1]
	ports, folders := map[string]string{}, map[string]string{}
	for _, p := range postern.Ports {
		ports[p.Name] = ":" + strconv.Itoa(p.ContainerPort)
	}
	for _, v := range postern.VolumeMounts {
		folders[v.Name] = v.MountPath
	}
	var written struct {
		Server, Health struct{ Listen string }
	}
	if err := yaml.Unmarshal([]byte(manifests["ConfigMap"].Data["postern.yaml"]), &written); err != nil {
		t.Fatal(err)
	}
	dockerfile, err := os.ReadFile("../../Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"arguments": []string{"serve", "--config", folders["config"] + "/postern.yaml"},
		"ports":     map[string]string{"http": written.Server.Listen, "health": written.Health.Listen},
		"probes":    []string{"health", "health"},
		"scrapes":   written.Health.Listen,
		"service":   "http",
		"user":      true,
	}
	got := map[string]any{
		"arguments": postern.Args,
		"ports":     ports,
		"probes":    []string{postern.LivenessProbe.HTTPGet.Port, postern.ReadinessProbe.HTTPGet.Port},
		"scrapes":   ":" + pod.Metadata.Annotations["prometheus.io/port"],
		"service":   manifests["Service"].Spec.Ports[0].TargetPort,
		"user":      bytes.Contains(dockerfile, fmt.Appendf(nil, "\nUSER %d:", postern.SecurityContext.RunAsUser)),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}

	backend, folder := newSpy(t, nil), t.TempDir()
	secret := manifests["Secret"].StringData["widget-2026-11"]
	if err := os.WriteFile(filepath.Join(folder, "widget-2026-11"), []byte(secret), 0o600); err != nil {
		t.Fatal(err)
	}
	here := sidecar(t,
		`listen: ":8080"`, `listen: "127.0.0.1:0"`, `trusted_proxies: []`, `shutdown_delay: 0s`,
		`listen: "127.0.0.1:9180"`, `listen: "127.0.0.1:0"`, `listen: ":9181"`, `listen: "127.0.0.1:0"`,
		"state_dir: /var/lib/postern", "state_dir: "+folder, "file: /run/secrets/postern", "file: "+folder, "http://127.0.0.1:3000", backend.URL)
	b := start(t, here["ConfigMap"].Data["postern.yaml"], nil)
	for _, probe := range []string{postern.LivenessProbe.HTTPGet.Path, postern.ReadinessProbe.HTTPGet.Path, "/metrics"} {
		if got := b.operate(b.health, http.MethodGet, probe); got.status != http.StatusOK {
			t.Errorf("%s: %+v", probe, got)
		}
	}
	token := signed(t, jwt.SigningMethodHS256, "", []byte(secret), jwt.MapClaims{"sub": "ada", "exp": fromNow(time.Hour)})
	if got := b.send(http.MethodGet, "/chat/rooms", "Authorization: JWT "+token); got.status != http.StatusOK {
		t.Errorf("%+v", got)
	}
	if got := backend.next(t).header.Get("X-Customer-Id"); got != "ada" {
		t.Errorf("the backend got %q", got)
	}
}
