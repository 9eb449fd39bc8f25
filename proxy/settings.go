package proxy

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"postern/keys"
	"postern/policy"
)

// ServerSettings configure the listener for clients.
type ServerSettings struct {
	Listen         string `yaml:"listen"`
	TrustedProxies []CIDR `yaml:"trusted_proxies"`

	ReadHeaderTimeout policy.Duration `yaml:"read_header_timeout"`
	IdleTimeout       policy.Duration `yaml:"idle_timeout"`
	BodyTimeout       policy.Duration `yaml:"body_timeout"`
	MaxHeaderBytes    policy.Size     `yaml:"max_header_bytes"`
	// ShutdownDelay is how long traffic is still served after /readyz fails,
	// ShutdownGrace how long requests may then take to end.
	ShutdownDelay policy.Duration `yaml:"shutdown_delay"`
	ShutdownGrace policy.Duration `yaml:"shutdown_grace"`
	// ReadyTimeout is how long /readyz waits for keys that are not required.
	ReadyTimeout policy.Duration `yaml:"ready_timeout"`

	// TLS is left out for a listener in plain text, which speaks HTTP/2 only with H2C, to
	// clients that know of it beforehand (RFC 9113, section 3.3).
	TLS *ServerTLSSettings `yaml:"tls"`
	H2C bool               `yaml:"h2c"`
}

// CIDR is a block of addresses, such as 10.0.0.0/8.
type CIDR struct{ netip.Prefix }

// UnmarshalText reads a block; a lone address is one of a single address.
func (c *CIDR) UnmarshalText(text []byte) error {
	prefix, err := netip.ParsePrefix(string(text))
	if addr, addrErr := netip.ParseAddr(string(text)); addrErr == nil {
		prefix, err = addr.Prefix(addr.BitLen())
	}
	if err != nil {
		return fmt.Errorf("%q is no block of addresses (like 10.0.0.0/8)", text)
	}
	c.Prefix = prefix.Masked()
	return nil
}

// SetDefaults fills in what the configuration leaves out.
func (s *ServerSettings) SetDefaults() {
	*s = ServerSettings{
		Listen:            ":8080",
		ReadHeaderTimeout: policy.Duration(5 * time.Second),
		IdleTimeout:       policy.Duration(120 * time.Second),
		BodyTimeout:       policy.Duration(30 * time.Second),
		MaxHeaderBytes:    64 << 10,
		ShutdownDelay:     policy.Duration(5 * time.Second),
		ShutdownGrace:     policy.Duration(20 * time.Second),
		ReadyTimeout:      policy.Duration(30 * time.Second),
	}
}

// Check reports what is wrong with the settings.
func (s *ServerSettings) Check(at policy.Path, problems *policy.Problems) {
	CheckListen(at.At("listen"), s.Listen, problems)
	for key, d := range map[string]policy.Duration{
		"read_header_timeout": s.ReadHeaderTimeout, "idle_timeout": s.IdleTimeout, "body_timeout": s.BodyTimeout,
	} {
		if d <= 0 {
			problems.Addf(at.At(key), "wants more than 0s: without a bound a client could hold a connection for ever")
		}
	}
	s.TLS.check(at.At("tls"), problems)
	if s.H2C && s.TLS != nil {
		problems.Addf(at.At("h2c"), "is HTTP/2 in plain text, and says nothing beside tls")
	}
	if s.MaxHeaderBytes < 4<<10 || s.MaxHeaderBytes > 16<<20 {
		problems.Addf(at.At("max_header_bytes"), "wants 4KiB to 16MiB")
	}
	for i, prefix := range s.TrustedProxies {
		if prefix.Bits() == 0 {
			problems.Addf(at.At("trusted_proxies", i), "%s trusts everybody", prefix)
		}
	}
}

// AdminSettings configure the listener for operators.
type AdminSettings struct {
	Listen string `yaml:"listen"`
	// Token must be sent as a Bearer token where the listener can be reached
	// from other machines.
	Token *keys.Value `yaml:"token"`
}

// SetDefaults fills in what the configuration leaves out.
func (s *AdminSettings) SetDefaults() { s.Listen = "127.0.0.1:9180" }

// Check reports what is wrong with the settings.
func (s *AdminSettings) Check(at policy.Path, problems *policy.Problems) {
	CheckListen(at.At("listen"), s.Listen, problems)
	if s.Token == nil && !isLocal(s.Listen) {
		problems.Addf(at, "token is missing: %s can be reached from other machines", s.Listen)
	}
}

// HealthSettings configure an optional listener for probes and scrapes.
type HealthSettings struct {
	Listen string `yaml:"listen"`
}

// Check reports what is wrong with the settings.
func (s *HealthSettings) Check(at policy.Path, problems *policy.Problems) {
	if s.Listen != "" {
		CheckListen(at.At("listen"), s.Listen, problems)
	}
}

// LogSettings configure the log.
type LogSettings struct {
	// Format is json or text.
	Format string `yaml:"format" words:"json text"`
	// Path is pattern, which keeps what wildcards matched out of the log, or full.
	Path string `yaml:"path" words:"pattern full"`
}

// SetDefaults fills in what the configuration leaves out.
func (s *LogSettings) SetDefaults() { s.Format, s.Path = "json", "pattern" }

// textFormat is the format of a log that is not JSON.
const textFormat = "text"

// Handler returns a handler that writes lines of the format to out.
func (s LogSettings) Handler(out io.Writer) slog.Handler {
	if s.Format == textFormat {
		return slog.NewTextHandler(out, nil)
	}
	return slog.NewJSONHandler(out, nil)
}

// LimitSettings bound what clients can make Postern hold.
type LimitSettings struct {
	// Connections is how many are open at a time; others wait to be accepted. Of
	// HTTP/2, whose connections carry many requests, it bounds the requests, too.
	Connections int `yaml:"connections"`
	// TokenBytes is the longest token that is looked at.
	TokenBytes policy.Size `yaml:"token_bytes"`
	// InFlightBodyBytes bounds all bodies that rules or carriers read at a time;
	// bodies that only pass through do not count.
	InFlightBodyBytes policy.Size `yaml:"in_flight_body_bytes"`
}

// SetDefaults fills in what the configuration leaves out.
func (s *LimitSettings) SetDefaults() {
	s.Connections, s.TokenBytes, s.InFlightBodyBytes = 10_000, 16<<10, 64<<20
}

// Check reports what is wrong with the settings.
func (s *LimitSettings) Check(at policy.Path, problems *policy.Problems) {
	if s.Connections < 1 {
		problems.Addf(at.At("connections"), "wants 1 or more")
	}
	if s.InFlightBodyBytes < 64<<10 {
		problems.Addf(at.At("in_flight_body_bytes"), "wants 64KiB or more")
	}
	if s.TokenBytes < 256 || s.TokenBytes > 1<<20 {
		problems.Addf(at.At("token_bytes"), "wants 256B to 1MiB")
	}
}

const unixPrefix = "unix://"

// CheckListen reports what is no address to listen on.
func CheckListen(at policy.Path, listen string, problems *policy.Problems) {
	if path, ok := strings.CutPrefix(listen, unixPrefix); ok {
		if !strings.HasPrefix(path, "/") {
			problems.Addf(at, "wants unix:///path/to.sock")
		}
		return
	}
	_, port, err := net.SplitHostPort(listen)
	switch {
	case err != nil || port == "":
		problems.Addf(at, "%q is no address: use host:port, :port or unix:///path", listen)
	case !isPort(port):
		problems.Addf(at, "%q is no port: use 0 to 65535", port)
	}
}

func isPort(text string) bool {
	_, err := strconv.ParseUint(text, 10, 16)
	return err == nil
}

// isLocal reports whether only this machine can reach a listener.
func isLocal(listen string) bool {
	if strings.HasPrefix(listen, unixPrefix) {
		return true
	}
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return false
	}
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}
