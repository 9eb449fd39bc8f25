package forwardauth

import (
	"strings"

	"postern/policy"
	"postern/proxy"
)

// Settings configure the listener for proxies that ask.
type Settings struct {
	Listen string `yaml:"listen"`
}

// Address returns where to listen, "" for nil settings.
func (s *Settings) Address() string {
	if s == nil {
		return ""
	}
	return s.Listen
}

// Check reports what is wrong with the settings. Nil settings are no listener.
func (s *Settings) Check(at policy.Path, problems *policy.Problems) {
	switch {
	case s == nil:
	case s.Listen == "":
		problems.Addf(at, "listen is missing")
	case strings.HasPrefix(s.Listen, "unix:"):
		problems.Addf(at.At("listen"), "wants host:port: behind a socket no proxy has an address that trusted_proxies could name")
	default:
		proxy.CheckListen(at.At("listen"), s.Listen, problems)
	}
}
