package main

import (
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"postern/authn"
	"postern/config"
	"postern/explain"
	"postern/keys"
	"postern/policy"
)

// sources are where an explanation gets the keys that serve would fetch.
type sources struct {
	offline
	// told says of authenticators where their keys come from.
	told map[string]string
}

// loadSources reads the files of --jwks, and the last good copies of the remote
// sources that those say nothing about.
func loadSources(c *config.Config, jwks []string, read func(string) ([]byte, error), at time.Time) (*sources, error) {
	s := &sources{offline{keys: map[string]authn.KeySet{}}, map[string]string{}}
	files := map[string]string{} // by authenticator
	unnamed := false
	for _, argument := range jwks {
		name, file, named := strings.Cut(argument, "=")
		if argument == "" || named && file == "" {
			return nil, fmt.Errorf("--jwks %q names no file", argument)
		}
		if _, isRemote := c.Remotes[name]; named && isRemote {
			files[name] = file
			continue
		}
		if named {
			return nil, fmt.Errorf("--jwks %s: %s is no authenticator with remote keys", argument, name)
		}
		if unnamed {
			return nil, fmt.Errorf("--jwks %s: only one file can be for all authenticators, write NAME=FILE", argument)
		}
		unnamed = true
		for name := range c.Remotes {
			if files[name] == "" {
				files[name] = argument
			}
		}
		if len(c.Remotes) == 0 {
			return nil, fmt.Errorf("--jwks %s: no authenticator has remote keys", argument)
		}
	}
	for name, settings := range c.Remotes {
		var err error
		if file := files[name]; file != "" {
			err = s.loadFile(name, settings, file, read)
		} else {
			s.loadCopy(name, settings, at)
		}
		if err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *sources) loadFile(name string, settings keys.RemoteSettings, file string, read func(string) ([]byte, error)) error {
	document, err := read(file)
	if err != nil {
		return err
	}
	set, err := keys.NewOffline(settings, document)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	s.keys[name], s.told[name] = set, fmt.Sprintf("keys from %s: %d", file, set.Len())
	return nil
}

func (s *sources) loadCopy(name string, settings keys.RemoteSettings, at time.Time) {
	set, err := keys.NewOfflineCopy(name, settings, at)
	s.keys[name] = set
	switch {
	case err != nil:
		s.told[name] = "the last good copy in state_dir is no use: " + err.Error()
	case set.Len() > 0:
		s.told[name] = fmt.Sprintf("keys from the last good copy in state_dir: %d", set.Len())
	default:
		s.told[name] = "no keys: they would be fetched from " + policy.PublicURL(settings.URL)
	}
}

// server returns a server that the request is sent to.
func (s *sources) server(c *config.Config) *explain.Server {
	upstream := &explain.Upstream{}
	return &explain.Server{
		Handler: s.newHandler(c, upstream, slog.New(slog.DiscardHandler)), Upstream: upstream,
		MaxHeaderBytes: int(c.Server.MaxHeaderBytes), TLS: c.ServerTLS != nil,
	}
}

// policy returns what a report has to know of the configuration.
func (s *sources) policy(c *config.Config) *explain.Policy {
	p := &explain.Policy{Routes: c.Routes, Keys: s.told, Missing: map[string]string{}}
	for _, name := range slices.Sorted(maps.Keys(c.Authenticators)) {
		a := c.Authenticators[name]
		p.Carriers = append(p.Carriers, a.Settings().Carriers()...)
		switch {
		case a.Introspection != nil:
			p.Missing[name] = "what the authorization server of " + name + " says about the token"
		case a.Profile != nil:
			p.Missing[name] = "what the profile API of " + name + " answers"
		}
		if _, isRemote := c.Remotes[name]; isRemote {
			p.Missing[name] = fmt.Sprintf("the keys of %s: give them with --jwks %s=FILE", name, name)
		}
	}
	return p
}
