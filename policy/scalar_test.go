package policy_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"postern/policy"
)

func TestDuration(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"0s": 0, "0": 0, "90s": 90 * time.Second, "1h30m": 90 * time.Minute, "1.5s": 1500 * time.Millisecond, "2562047h": 2562047 * time.Hour,
	} {
		var d policy.Duration
		if err := d.UnmarshalText([]byte(text)); err != nil || d.Std() != want || d.String() != want.String() {
			t.Errorf("%s: %s, %v", text, d, err)
		}
	}
	for text, want := range map[string]string{
		"":         `"" is not a duration (like 500ms, 30s, 2m)`,
		"30":       `"30" is not a duration (like 500ms, 30s, 2m)`,
		"5 m":      `"5 m" is not a duration (like 500ms, 30s, 2m)`,
		"1d":       `"1d" is not a duration (like 500ms, 30s, 2m)`,
		"2562048h": `"2562048h" is not a duration (like 500ms, 30s, 2m)`,
		"-1s":      `"-1s" is negative`,
	} {
		var d policy.Duration
		if err := d.UnmarshalText([]byte(text)); err == nil || err.Error() != want || d != 0 {
			t.Errorf("%q: %s, %v", text, d, err)
		}
	}
}

func TestSize(t *testing.T) {
	for text, want := range map[string]policy.Size{
		"0": 0, "512": 512, "512B": 512, "64KiB": 64 << 10, "1MiB": 1 << 20, "2GiB": 2 << 30, "16 KiB": 16 << 10,
		"9223372036854775807": 1<<63 - 1, "8589934591GiB": 8589934591 << 30,
	} {
		var s policy.Size
		if err := s.UnmarshalText([]byte(text)); err != nil || s != want {
			t.Errorf("%s: %d, %v", text, s, err)
		}
	}
	for _, text := range []string{"", "KiB", "1KB", "1kib", "1K", "1M", "-1", "-1KiB", "1.5MiB", "0x10", "1_000", "1TiB", "8589934592GiB", "9223372036854775808"} {
		var s policy.Size
		want := fmt.Sprintf("%q is not a size (like 512B, 64KiB, 1MiB)", text)
		if err := s.UnmarshalText([]byte(text)); err == nil || err.Error() != want || s != 0 {
			t.Errorf("%q: %d, %v", text, s, err)
		}
	}
}

func TestSecretUnmarshalText(t *testing.T) {
	var s policy.Secret
	if err := s.UnmarshalText([]byte(" kept as it is\n")); err != nil || string(s) != " kept as it is\n" {
		t.Errorf("%q, %v", string(s), err)
	}
	if err := s.UnmarshalText(nil); err == nil || err.Error() != "the secret is empty" {
		t.Errorf("empty: %v", err)
	}
}

func TestSecretIsNeverShown(t *testing.T) {
	const hidden = "hunter2"
	secret := policy.Secret(hidden)
	settings := struct {
		One  policy.Secret
		List []policy.Secret
		Map  map[string]policy.Secret
		Any  any
		Ptr  *policy.Secret
	}{secret, []policy.Secret{secret}, map[string]policy.Secret{"k": secret}, secret, &secret}

	shown := map[string]string{"String": secret.String()}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x", "%d", "%t", "%10.3s", "%T%v"} {
		shown[verb] = fmt.Sprintf(verb, secret)
		shown[verb+" of a struct"] = fmt.Sprintf(verb, settings)
	}
	shown["an error"] = fmt.Errorf("bad %w", fmt.Errorf("%v", secret)).Error()
	for name, marshal := range map[string]func(any) ([]byte, error){"json": json.Marshal, "yaml": yaml.Marshal} {
		text, err := marshal(settings)
		if err != nil {
			t.Fatal(err)
		}
		shown[name] = string(text)
	}
	var log bytes.Buffer
	for _, handler := range []slog.Handler{slog.NewJSONHandler(&log, nil), slog.NewTextHandler(&log, nil)} {
		slog.New(handler).Info("message", "secret", secret, "settings", settings, slog.Group("group", "secret", &secret))
	}
	shown["slog"] = log.String()

	for name, text := range shown {
		for _, spelling := range []string{hidden, fmt.Sprintf("%x", hidden), fmt.Sprintf("%X", hidden), fmt.Sprintf("% x", hidden)} {
			if strings.Contains(text, spelling) {
				t.Errorf("%s shows %s", name, text)
			}
		}
	}
	for _, name := range []string{"String", "%v", "%#v", "%d", "json", "yaml", "slog"} {
		if !strings.Contains(shown[name], "[redacted]") {
			t.Errorf("%s has no placeholder: %s", name, shown[name])
		}
	}
}
