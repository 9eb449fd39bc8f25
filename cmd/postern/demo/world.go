package demo

import (
	_ "embed" // for the configuration
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
)

//go:embed postern.yaml
var configuration string

// Configuration returns the demo's configuration with the addresses of the
// manual; those of a run are other ones.
func Configuration() string { return configuration }

// World is what surrounds the proxy, running. Its methods are for one caller
// at a time.
type World struct {
	dir        string // of the configuration
	chat, data *backend
	issuer     *issuer
	sites      map[string]*site // by the address that the configuration has
}

// The addresses in the configuration as it is embedded.
const (
	proxyAddress  = "127.0.0.1:8080"
	adminAddress  = "127.0.0.1:9180"
	chatAddress   = "127.0.0.1:3000"
	dataAddress   = "127.0.0.1:4000"
	issuerAddress = "127.0.0.1:5000"
)

// Start opens the backends and the identity provider. The caller closes the
// world.
func Start() (_ *World, err error) {
	w := &World{
		chat:  &backend{name: "chat"},
		data:  &backend{name: "data"},
		sites: map[string]*site{},
	}
	defer func() {
		if err != nil {
			w.Close()
		}
	}()
	if w.issuer, err = newIssuer(); err != nil {
		return nil, fmt.Errorf("identity provider: %w", err)
	}
	if w.dir, err = os.MkdirTemp("", "postern-demo-"); err != nil {
		return nil, err
	}
	provider := http.NewServeMux()
	provider.HandleFunc("GET /.well-known/jwks.json", w.issuer.serveKeys)
	provider.HandleFunc("GET /tokens/{kind}", w.serveToken)
	for address, handler := range map[string]http.Handler{chatAddress: w.chat, dataAddress: w.data, issuerAddress: provider} {
		if w.sites[address], err = openSite(handler); err != nil {
			delete(w.sites, address)
			return nil, err
		}
	}
	return w, nil
}

// Close stops what Start opened, and removes the configuration.
func (w *World) Close() {
	for _, s := range w.sites {
		s.close()
	}
	if w.dir != "" {
		_ = os.RemoveAll(w.dir)
	}
}

// WriteConfig writes the configuration of a proxy that listens there, and
// returns its file, which Close removes.
func (w *World) WriteConfig(listen, admin string) (file string, err error) {
	addresses := []string{proxyAddress, listen, adminAddress, admin}
	for address, s := range w.sites {
		addresses = append(addresses, address, s.address)
	}
	file = filepath.Join(w.dir, "postern.yaml")
	return file, os.WriteFile(file, []byte(strings.NewReplacer(addresses...).Replace(configuration)), 0o600)
}

// issuerURL is the iss of the identity provider's tokens.
func (w *World) issuerURL() string { return "http://" + w.sites[issuerAddress].address + "/" }

// heard returns what the backends were told since the last look, nil for
// nothing.
func (w *World) heard() *Heard {
	chat, data := w.chat.take(), w.data.take()
	if chat != nil {
		return chat
	}
	return data
}
