package keys_test

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"postern/keys"
	"postern/policy"
)

// The key of RFC 5297's examples, twice as long.
const opaqueKey = "fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff" +
	"0f0e0d0c0b0a09080706050403020100000102030405060708090a0b0c0d0e0f"

func newOpaqueIDs(t testing.TB, hexKey string) *keys.OpaqueIDs {
	t.Helper()
	s := keys.OpaqueIDSettings{Key: keys.Value{Plain: policy.Secret(hexKey), Encoding: "hex"}}
	var problems policy.Problems
	ids := s.Load(nil, keys.Loader{}, &problems)
	if problems.List != nil {
		t.Fatal(problems.List)
	}
	return ids
}

func TestOpaqueIDs(t *testing.T) {
	ids, again := newOpaqueIDs(t, opaqueKey), newOpaqueIDs(t, opaqueKey)
	other := newOpaqueIDs(t, strings.Replace(opaqueKey, "ff", "fe", 1)) // of the half that authenticates
	third := newOpaqueIDs(t, strings.TrimSuffix(opaqueKey, "0f")+"0e")  // and of the one that encrypts
	seen := map[string]int{}
	for _, size := range []int{1, 15, 16, 17, 64 << 10} {
		text := strings.Repeat("a", size)
		opaque := ids.Seal([]byte(text))
		if opaque != ids.Seal([]byte(text)) || opaque != again.Seal([]byte(text)) {
			t.Errorf("%d bytes: two ids of one text", size)
		}
		if same, taken := seen[opaque]; taken {
			t.Errorf("%d and %d bytes have one id", same, size)
		}
		seen[opaque] = size
		if want := base64.RawURLEncoding.EncodedLen(size + 16); len(opaque) != want {
			t.Errorf("%d bytes: an id of %d, want %d", size, len(opaque), want)
		}
		if got, err := again.Open(opaque); string(got) != text || err != nil {
			t.Errorf("%d bytes: opened as %d, %v", size, len(got), err)
		}
		for what, wrong := range map[string]*keys.OpaqueIDs{"first": other, "second": third} {
			if got, err := wrong.Open(opaque); err == nil || got != nil {
				t.Errorf("%d bytes: another %s half opens it", size, what)
			}
			if wrong.Seal([]byte(text)) == opaque {
				t.Errorf("%d bytes: another %s half seals alike", size, what)
			}
		}
	}
}

// What it seals must not change between versions: backends keep it. The wanted id
// is that of another implementation, of pyca/cryptography.
func TestOpaqueIDsStayTheSame(t *testing.T) {
	const want = "813kw9Bh6hHVhFr7bxe-IYVyB6d-fAA1BHTrUw"
	if got := newOpaqueIDs(t, opaqueKey).Seal([]byte(`{"id":"ann"}`)); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestOpaqueIDsRefuseWhatWasAltered(t *testing.T) {
	ids := newOpaqueIDs(t, opaqueKey)
	opaque := ids.Seal([]byte(`{"id":"ann@example.com"}`))
	sealed, err := base64.RawURLEncoding.DecodeString(opaque)
	if err != nil {
		t.Fatal(err)
	}
	altered := map[string]string{
		"empty": "", "shorter than a tag": "AAAA", "only a tag": opaque[:22], "cut": opaque[:len(opaque)-4], "longer": opaque + "AAAA",
		"padded": opaque + "=", "line break": opaque[:4] + "\n" + opaque[4:], "carriage return": opaque + "\r", "space": " " + opaque,
		"upper case": strings.ToUpper(opaque), "in another alphabet": base64.RawStdEncoding.EncodeToString(sealed) + "+", "no base64": "{}",
	}
	for i := range sealed {
		flipped := append([]byte{}, sealed...)
		flipped[i] ^= 1
		altered[fmt.Sprint("byte ", i)] = base64.RawURLEncoding.EncodeToString(flipped)
	}
	// The last character has bits that stand for nothing.
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	short := ids.Seal([]byte("a"))
	last := strings.IndexByte(alphabet, short[len(short)-1])
	altered["spare bits"] = short[:len(short)-1] + string(alphabet[last^1])
	for what, text := range altered {
		if got, err := ids.Open(text); err == nil || got != nil || strings.Contains(err.Error(), opaque[:8]) {
			t.Errorf("%s: %q, %v", what, got, err)
		}
	}
}

func TestOpaqueIDKey(t *testing.T) {
	raw, err := hex.DecodeString(opaqueKey)
	if err != nil {
		t.Fatal(err)
	}
	const hint = " (openssl rand -hex 64 makes one, with encoding: hex)"
	for _, test := range []struct {
		key  keys.Value
		want []string
	}{
		{keys.Value{Literal: policy.Secret(raw)}, nil},
		{keys.Value{Plain: policy.Secret(base64.StdEncoding.EncodeToString(raw)), Encoding: "base64"}, nil},
		{keys.Value{Literal: opaqueKey}, []string{"opaque_id.key: wants 64 bytes, got 128" + hint}},
		{keys.Value{Literal: "hush"}, []string{"opaque_id.key: wants 64 bytes, got 4" + hint}},
		{keys.Value{Literal: policy.Secret(raw[:32])}, []string{"opaque_id.key: wants 64 bytes, got 32" + hint}},
		{keys.Value{SHA256: opaqueKey[:64]}, []string{"opaque_id.key: sha256 is not enough here: the secret itself is needed"}},
		{keys.Value{}, []string{"opaque_id.key: the secret is missing: write it, or {env: NAME}, or {file: path}"}},
	} {
		s := keys.OpaqueIDSettings{Key: test.key}
		var problems policy.Problems
		ids := s.Load(policy.Path{"opaque_id"}, keys.Loader{}, &problems)
		var got []string
		for _, p := range problems.List {
			got = append(got, p.Path.String()+": "+p.Message)
		}
		if diff := cmp.Diff(test.want, got); diff != "" || (ids == nil) != (test.want != nil) {
			t.Errorf("%v (-want +got):\n%s", ids != nil, diff)
		}
	}
}

func BenchmarkSealOpaqueID(b *testing.B) {
	ids, text := newOpaqueIDs(b, opaqueKey), []byte(`{"id":"customer-4711"}`)
	b.ReportAllocs()
	for b.Loop() {
		ids.Seal(text)
	}
}
