package authn

import (
	"net/url"
	"strings"
	"time"

	"postern/keys"
	"postern/policy"
)

// ServiceSettings say how a service is asked about credentials, and for how long
// its answers count.
type ServiceSettings struct {
	// CacheTTL is how long an answer is used without asking again; 0s asks for
	// every request.
	CacheTTL policy.Duration `yaml:"cache_ttl"`
	// Timeout bounds a question, from waiting for a turn to the last byte of the
	// answer.
	Timeout policy.Duration `yaml:"timeout"`
	// MaxBytes bounds the answer.
	MaxBytes policy.Size `yaml:"max_bytes"`
	// AllowInsecureHTTP accepts that whoever is on the way can read credentials
	// and answer for the service.
	AllowInsecureHTTP bool `yaml:"allow_insecure_http"`
}

// SetDefaults fills in what the configuration leaves out.
func (s *ServiceSettings) SetDefaults() {
	*s = ServiceSettings{
		CacheTTL: policy.Duration(30 * time.Second),
		Timeout:  policy.Duration(5 * time.Second),
		MaxBytes: 64 << 10,
	}
}

// Listed returns nothing: only the service knows the credentials.
func (s *ServiceSettings) Listed() []keys.Listed { return nil }

// maxServiceTimeout keeps a request from waiting longer than its client does.
const maxServiceTimeout = time.Minute

func (s *ServiceSettings) checkService(at policy.Path, problems *policy.Problems) {
	if s.Timeout == 0 || s.Timeout.Std() > maxServiceTimeout {
		problems.Addf(at.At("timeout"), "wants more than 0s and %s at most", maxServiceTimeout)
	}
	if s.MaxBytes < 1 || s.MaxBytes > 1<<20 {
		problems.Addf(at.At("max_bytes"), "wants 1B to 1MiB")
	}
}

// checkURL reports what is wrong with the service's address. No message quotes
// it: it may hold a password.
func (s *ServiceSettings) checkURL(at policy.Path, text string, problems *policy.Problems) {
	if text == "" {
		problems.Addf(at, "url is missing")
		return
	}
	at = at.At("url")
	switch u, err := url.Parse(text); {
	case err != nil, u.Scheme != "http" && u.Scheme != "https", u.Hostname() == "", strings.Contains(text, "#"):
		problems.Addf(at, "is not a URL like https://idp.example.com/path")
	case u.User != nil:
		problems.Addf(at, "holds a user name or password, which do not belong into a URL")
	case hasDotSegment(u.EscapedPath()):
		problems.Addf(at, "has a path with a dot segment")
	case u.Scheme == "http" && !s.AllowInsecureHTTP && !keys.IsLoopback(u.Hostname()):
		problems.Addf(at, "is plain http: whoever is on the way could read credentials and forge answers (allow_insecure_http: true accepts that)")
	}
}

// hasDotSegment reports whether an escaped path, decoded as often as it can be,
// has a segment that a server might take for a step to another folder.
func hasDotSegment(path string) bool {
	for {
		for segment := range strings.FieldsFuncSeq(path, func(r rune) bool { return r == '/' || r == '\\' }) {
			if name, _, _ := strings.Cut(segment, ";"); name == "." || name == ".." {
				return true
			}
		}
		decoded, err := url.PathUnescape(path)
		if err != nil || decoded == path {
			return false
		}
		path = decoded
	}
}
