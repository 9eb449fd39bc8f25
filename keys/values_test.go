package keys_test

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"postern/keys"
)

func testLoader(t *testing.T) keys.Loader {
	dir := t.TempDir()
	for name, content := range map[string]string{
		"plain": "s3cret", "lf": "s3cret\n", "crlf": "s3cret\r\n", "two": "s3cret\n\n", "cr": "s3cret\r",
		"hex": "733363726574\n", "newline": "\n", "zero": "", "huge": strings.Repeat("x", 1<<20+1),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	environment := map[string]string{"SECRET": "s3cret", "LINE": "s3cret\n", "EMPTY": ""}
	return keys.Loader{Dir: dir, LookupEnv: func(name string) (string, bool) {
		value, ok := environment[name]
		return value, ok
	}}
}

func TestSecret(t *testing.T) {
	l := testLoader(t)
	for name, test := range map[string]struct {
		value   keys.Value
		want    string
		wantErr string
	}{
		"literal":                   {value: keys.Value{Literal: "s3cret"}, want: "s3cret"},
		"literal keeps its newline": {value: keys.Value{Literal: "s3cret\n"}, want: "s3cret\n"},
		"plain":                     {value: keys.Value{Plain: "s3cret", Encoding: "raw"}, want: "s3cret"},
		"hex":                       {value: keys.Value{Plain: "733363726574", Encoding: "hex"}, want: "s3cret"},
		"base64":                    {value: keys.Value{Plain: "+/8=", Encoding: "base64"}, want: "\xfb\xff"},
		"base64 unpadded":           {value: keys.Value{Plain: "+/8", Encoding: "base64"}, want: "\xfb\xff"},
		"base64url":                 {value: keys.Value{Plain: "-_8", Encoding: "base64url"}, want: "\xfb\xff"},
		"env":                       {value: keys.Value{Env: "SECRET"}, want: "s3cret"},
		"env keeps its newline":     {value: keys.Value{Env: "LINE"}, want: "s3cret\n"},
		"file":                      {value: keys.Value{File: "plain"}, want: "s3cret"},
		"file with newline":         {value: keys.Value{File: "lf"}, want: "s3cret"},
		"file with CRLF":            {value: keys.Value{File: "crlf"}, want: "s3cret"},
		"one newline only":          {value: keys.Value{File: "two"}, want: "s3cret\n"},
		"CR is no newline":          {value: keys.Value{File: "cr"}, want: "s3cret\r"},
		"encoded file":              {value: keys.Value{File: "hex", Encoding: "hex"}, want: "s3cret"},
		"absolute path":             {value: keys.Value{File: filepath.Join(l.Dir, "plain")}, want: "s3cret"},

		"nothing":            {wantErr: "the secret is missing: write it, or {env: NAME}, or {file: path}"},
		"two sources":        {value: keys.Value{Plain: "s3cret", Env: "SECRET"}, wantErr: "more than one of value, env, file and sha256"},
		"digest":             {value: keys.Value{SHA256: strings.Repeat("0", 64)}, wantErr: "sha256 is not enough here: the secret itself is needed"},
		"unset":              {value: keys.Value{Env: "NOPE"}, wantErr: "the environment variable NOPE is not set"},
		"empty env":          {value: keys.Value{Env: "EMPTY"}, wantErr: "the secret is empty"},
		"newline only":       {value: keys.Value{File: "newline"}, wantErr: "the secret is empty"},
		"zero bytes":         {value: keys.Value{File: "zero"}, wantErr: l.Dir + "/zero is empty"},
		"missing file":       {value: keys.Value{File: "nope"}, wantErr: "stat " + l.Dir + "/nope: no such file or directory"},
		"directory":          {value: keys.Value{File: "."}, wantErr: l.Dir + " is not a regular file"},
		"named pipe":         {value: keys.Value{File: "pipe"}, wantErr: l.Dir + "/pipe is not a regular file"},
		"huge file":          {value: keys.Value{File: "huge"}, wantErr: l.Dir + "/huge is larger than 1MiB"},
		"bad hex":            {value: keys.Value{Plain: "s3cret", Encoding: "hex"}, wantErr: "the secret is not valid hex"},
		"bad base64":         {value: keys.Value{Plain: "s3cret!", Encoding: "base64"}, wantErr: "the secret is not valid base64"},
		"loose base64":       {value: keys.Value{Plain: "+/9", Encoding: "base64"}, wantErr: "the secret is not valid base64"},
		"unknown encoding":   {value: keys.Value{Plain: "s3cret", Encoding: "rot13"}, wantErr: "encoding is none of raw, base64, base64url, hex"},
		"decodes to nothing": {value: keys.Value{Plain: "=", Encoding: "base64"}, wantErr: "the secret is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := l.Secret(test.value)
			if string(got) != test.want || errorText(err) != test.wantErr {
				t.Errorf("Secret = %q, %v; want %q, %q", got, err, test.want, test.wantErr)
			}
		})
	}
}

func TestDigest(t *testing.T) {
	l := testLoader(t)
	digest := sha256.Sum256([]byte("s3cret"))
	text := hex.EncodeToString(digest[:])
	for name, test := range map[string]struct {
		value   keys.Value
		wantErr string
	}{
		"of a secret":   {value: keys.Value{File: "lf"}},
		"given":         {value: keys.Value{SHA256: text}},
		"upper case":    {value: keys.Value{SHA256: strings.ToUpper(text)}},
		"too short":     {value: keys.Value{SHA256: text[2:]}, wantErr: "sha256 is not 64 hexadecimal digits"},
		"not hex":       {value: keys.Value{SHA256: "s3cret"}, wantErr: "sha256 is not 64 hexadecimal digits"},
		"with encoding": {value: keys.Value{SHA256: text, Encoding: "hex"}, wantErr: "encoding says nothing about a sha256"},
		"and a secret":  {value: keys.Value{SHA256: text, Env: "SECRET"}, wantErr: "more than one of value, env, file and sha256"},
		"nothing":       {wantErr: "the secret is missing: write it, or {env: NAME}, or {file: path}"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := l.Digest(test.value)
			if errorText(err) != test.wantErr || (err == nil && got != digest) {
				t.Errorf("Digest = %x, %v; want error %q", got, err, test.wantErr)
			}
		})
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
