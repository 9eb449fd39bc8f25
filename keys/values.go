package keys

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"postern/policy"
)

// maxFileBytes bounds a file with a secret or with public keys.
const maxFileBytes = 1 << 20

// Value is a secret as a configuration gives it: a plain string, or a mapping
// with exactly one of value, env, file and sha256.
type Value struct {
	// Literal is the secret where it stands as a plain scalar.
	Literal policy.Secret `yaml:",scalar"`
	// Plain is the secret where it stands beside an encoding.
	Plain policy.Secret `yaml:"value"`
	// Env names an environment variable.
	Env string `yaml:"env"`
	// File names a file; one newline at its end is not part of the secret.
	File string `yaml:"file"`
	// SHA256 is the digest of a secret in hexadecimal digits, for those who only
	// compare it.
	SHA256 string `yaml:"sha256"`
	// Encoding is raw (the default), base64, base64url or hex.
	Encoding string `yaml:"encoding" words:"raw base64 base64url hex"`
}

// Loader resolves what a configuration only names. It is safe for concurrent
// use. Its errors hold names and paths, and never a value.
type Loader struct {
	// Dir is the folder that relative paths start from.
	Dir string
	// LookupEnv reads the environment; [os.LookupEnv] where it is nil.
	LookupEnv func(name string) (string, bool)
	// Files remembers what is read; nil for nobody.
	Files *Files

	quiet bool // the files have no metrics
}

// Secret returns the secret itself, which is never empty. A value that gives
// only a digest is an error; see [Loader.Digest].
func (l Loader) Secret(v Value) ([]byte, error) {
	if err := v.checkSource(); err != nil {
		return nil, err
	}
	if v.SHA256 != "" {
		return nil, errors.New("sha256 is not enough here: the secret itself is needed")
	}
	text, err := l.text(v)
	if err != nil {
		return nil, err
	}
	secret, err := decode(text, v.Encoding)
	if err != nil {
		return nil, err
	}
	if len(secret) == 0 {
		return nil, errors.New("the secret is empty")
	}
	return secret, nil
}

// Digest returns the SHA-256 of the secret, for those who only compare it.
func (l Loader) Digest(v Value) (digest [sha256.Size]byte, err error) {
	if v.SHA256 == "" || v.checkSource() != nil {
		secret, err := l.Secret(v)
		if err != nil {
			return digest, err
		}
		return sha256.Sum256(secret), nil
	}
	if v.Encoding != "" {
		return digest, errors.New("encoding says nothing about a sha256")
	}
	raw, err := hex.DecodeString(v.SHA256)
	if err != nil || len(raw) != len(digest) {
		return digest, errors.New("sha256 is not 64 hexadecimal digits")
	}
	return [sha256.Size]byte(raw), nil
}

// File returns the content of a regular file, which is never empty and at most
// 1 MiB long.
func (l Loader) File(name string) ([]byte, error) {
	path := l.resolve(name)
	data, err := l.Files.read(name, path, maxFileBytes, l.quiet)
	switch {
	case err != nil:
		return nil, err
	case len(data) == 0:
		return nil, fmt.Errorf("%s is empty", path)
	case len(data) > maxFileBytes:
		return nil, fmt.Errorf("%s is larger than 1MiB", path)
	}
	return data, nil
}

func (l Loader) resolve(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(l.Dir, path)
}

// Lease returns the lease of what came from files of these names, "" for none;
// they have been read.
func (l Loader) Lease(maxStale time.Duration, names ...string) *Lease {
	return l.Files.lease(maxStale, names...)
}

func (v Value) checkSource() error {
	given := 0
	for _, source := range [...]string{string(v.Literal), string(v.Plain), v.Env, v.File, v.SHA256} {
		if source != "" {
			given++
		}
	}
	switch given {
	case 0:
		return errors.New("the secret is missing: write it, or {env: NAME}, or {file: path}")
	case 1:
		return nil
	default:
		return errors.New("more than one of value, env, file and sha256")
	}
}

// text returns the secret as it is written, before it is decoded.
func (l Loader) text(v Value) ([]byte, error) {
	switch {
	case v.Env != "":
		lookup := l.LookupEnv
		if lookup == nil {
			lookup = os.LookupEnv
		}
		value, ok := lookup(v.Env)
		if !ok {
			return nil, fmt.Errorf("the environment variable %s is not set", v.Env)
		}
		return []byte(value), nil
	case v.File != "":
		data, err := l.File(v.File)
		if err != nil {
			return nil, err
		}
		if line, ok := bytes.CutSuffix(data, []byte("\n")); ok {
			return bytes.TrimSuffix(line, []byte("\r")), nil
		}
		return data, nil
	default:
		return []byte(v.Literal + v.Plain), nil
	}
}

// decode undoes an encoding. Padding of base64 may be left out. The decoders'
// own errors quote what they stumble over, so they are not passed on.
func decode(text []byte, encoding string) (secret []byte, err error) {
	switch encoding {
	case "", "raw":
		return text, nil
	case "base64":
		secret, err = base64.RawStdEncoding.Strict().DecodeString(strings.TrimRight(string(text), "="))
	case "base64url":
		secret, err = base64.RawURLEncoding.Strict().DecodeString(strings.TrimRight(string(text), "="))
	case "hex":
		secret, err = hex.DecodeString(string(text))
	default:
		return nil, errors.New("encoding is none of raw, base64, base64url, hex")
	}
	if err != nil {
		return nil, fmt.Errorf("the secret is not valid %s", encoding)
	}
	return secret, nil
}
