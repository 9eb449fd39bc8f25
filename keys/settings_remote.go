package keys

import (
	"strings"
	"time"

	"postern/policy"
)

// RemoteSettings configure a source that is fetched. Two are equal under ==
// exactly where their sources behave alike.
type RemoteSettings struct {
	Location
	Refresh  time.Duration
	Timeout  time.Duration
	MaxBytes int64
	MaxStale time.Duration
	Required bool
	// AllowInsecureHTTP is for the jwks_uri of a provider, too.
	AllowInsecureHTTP bool
	Connection        Connection
	// StateDir is the folder of last good copies, "" for none.
	StateDir string
}

// IsRemote reports whether the keys are fetched, with what
// [Settings.LoadRemote] returns.
func (s *Settings) IsRemote() bool { return s.location() != Location{} }

func (s *Settings) location() Location {
	switch {
	case s.JWKSURL != "":
		return Location{Form: JWKSet, URL: s.JWKSURL}
	case s.X509URL != "":
		return Location{Form: Certificates, URL: s.X509URL}
	case s.Discovery != nil:
		return s.Discovery.location()
	}
	return Location{}
}

func (s *Settings) remote() RemoteSettings {
	return RemoteSettings{
		Location:          s.location(),
		Refresh:           s.Refresh.Std(),
		Timeout:           s.Timeout.Std(),
		MaxBytes:          int64(s.MaxBytes),
		MaxStale:          s.MaxStale.Std(),
		Required:          s.Required,
		AllowInsecureHTTP: s.AllowInsecureHTTP,
		Connection:        Connection{Proxy: s.Proxy},
	}
}

// LoadRemote reads the files that the settings of a remote source name, and
// reports what of them cannot be used. Last good copies are kept in stateDir,
// nowhere where it is "". The settings have passed Check.
func (s *Settings) LoadRemote(at policy.Path, l Loader, stateDir string, problems *policy.Problems) RemoteSettings {
	remote := s.remote()
	remote.Connection = s.TLS.Load(at.At("tls"), l, problems)
	remote.Connection.Proxy = s.Proxy
	if stateDir != "" {
		remote.StateDir = l.resolve(stateDir)
	}
	return remote
}

func (s *Settings) checkRemote(at policy.Path, problems *policy.Problems) {
	s.checkLocation(at, problems)
	s.checkConnection(at, problems)
	if s.Refresh.Std() < minRefresh {
		problems.Addf(at.At("refresh"), "wants %s at least", minRefresh)
	}
	if s.Timeout == 0 {
		problems.Addf(at.At("timeout"), "wants more than 0s")
	}
	if s.MaxBytes == 0 {
		problems.Addf(at.At("max_bytes"), "wants more than 0")
	}
	if s.MaxStale < s.Refresh {
		problems.Addf(at.At("max_stale"), "is shorter than refresh (%s)", s.Refresh)
	}
}

func (s *Settings) checkLocation(at policy.Path, problems *policy.Problems) {
	place := at.At("jwks_url")
	switch {
	case s.X509URL != "":
		place = at.At("x509_url")
	case s.Discovery != nil && s.Discovery.Provider+s.Discovery.URL == "":
		problems.Addf(at.At("discovery"), "url is missing")
		return
	case s.Discovery != nil:
		place = at.At("discovery")
		s.Discovery.check(place, problems)
		if s.Discovery.URL != "" {
			place = place.At("url")
		}
	}
	remote := s.remote()
	if err := remote.checkURL(remote.URL); err != nil {
		problems.Addf(place, "%v", err)
	}
}

func (s *Settings) checkConnection(at policy.Path, problems *policy.Problems) {
	s.TLS.Check(at.At("tls"), problems)
	if s.TLS != nil && s.Discovery == nil && strings.HasPrefix(s.location().URL, "http:") {
		problems.Addf(at.At("tls"), "says nothing about plain http")
	}
	if s.Proxy == "" {
		return
	}
	switch u, err := parseProxy(s.Proxy); {
	case err != nil:
		problems.Addf(at.At("proxy"), "%v", err)
	case u.Scheme == "https" && s.TLS != nil && s.TLS.ServerName != "":
		problems.Addf(at.At("proxy"), "cannot be https beside tls.server_name, which the proxy would have to be named, too")
	}
}

// checkNotRemote refuses what would say nothing. A default that is written out
// cannot be told from one that is left out, and does no harm.
func (s *Settings) checkNotRemote(at policy.Path, problems *policy.Problems) {
	for _, option := range [...]struct {
		name  string
		given bool
	}{
		{"refresh", s.Refresh != defaultRefresh},
		{"timeout", s.Timeout != defaultTimeout},
		{"max_bytes", s.MaxBytes != defaultMaxBytes},
		{"required", s.Required},
		{"allow_insecure_http", s.AllowInsecureHTTP},
		{"tls", s.TLS != nil},
		{"proxy", s.Proxy != ""},
	} {
		if option.given {
			problems.Addf(at.At(option.name), "says nothing without jwks_url, discovery or x509_url")
		}
	}
	switch {
	case s.MaxStale == defaultMaxStale:
	case !s.fromFile():
		problems.Addf(at.At("max_stale"), "says nothing without jwks_url, discovery, x509_url or a file")
	case s.MaxStale == 0:
		problems.Addf(at.At("max_stale"), "wants more than 0s")
	}
}
