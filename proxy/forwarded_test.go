package proxy

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"
)

func TestClientBehind(t *testing.T) {
	state := &State{}
	for _, text := range []string{"10.0.0.0/8", "192.0.2.1", "2001:db8:1::/48"} {
		var block CIDR
		if err := block.UnmarshalText([]byte(text)); err != nil {
			t.Fatal(err)
		}
		state.trusted = append(state.trusted, block)
	}
	const peer = "10.0.0.1"
	for _, test := range []struct {
		name   string
		header http.Header
		want   string
	}{
		{"nothing is said", nil, peer},
		{"one client", http.Header{"X-Forwarded-For": {"203.0.113.9"}}, "203.0.113.9"},
		{"what the client made up stands on the left", http.Header{"X-Forwarded-For": {"10.0.0.9, 6.6.6.6, 203.0.113.9"}}, "203.0.113.9"},
		{"trusted proxies vouch for their left", http.Header{"X-Forwarded-For": {"6.6.6.6, 203.0.113.9, 192.0.2.1,10.2.3.4"}}, "203.0.113.9"},
		{"several fields are one list", http.Header{"X-Forwarded-For": {"6.6.6.6", "203.0.113.9", "10.2.3.4"}}, "203.0.113.9"},
		{"only trusted ones", http.Header{"X-Forwarded-For": {"10.2.3.4, 10.2.3.5"}}, "10.2.3.4"},
		{"what is no address ends the walk", http.Header{"X-Forwarded-For": {"203.0.113.9, unknown, 10.2.3.4"}}, "10.2.3.4"},
		{"nor does one hide behind an empty element", http.Header{"X-Forwarded-For": {"203.0.113.9, , 10.2.3.4"}}, "10.2.3.4"},
		{"IPv6", http.Header{"X-Forwarded-For": {"2001:db8:2::1, 2001:db8:1::5"}}, "2001:db8:2::1"},
		{"IPv4 in IPv6", http.Header{"X-Forwarded-For": {"203.0.113.9, ::ffff:10.2.3.4"}}, "203.0.113.9"},
		{"with a port", http.Header{"X-Forwarded-For": {"6.6.6.6, 203.0.113.9:4711"}}, "203.0.113.9"},
		{"RFC 7239", http.Header{"Forwarded": {`for=6.6.6.6, For="[2001:db8:2::1]:80";proto=https`, "by=a;for=10.2.3.4"}}, "2001:db8:2::1"},
		{"RFC 7239, an obfuscated name", http.Header{"Forwarded": {"for=203.0.113.9, for=_hidden, for=10.2.3.4"}}, "10.2.3.4"},
		{"RFC 7239, an element without an address", http.Header{"Forwarded": {"for=203.0.113.9, by=10.2.3.4"}}, peer},
		{"RFC 7239, quoted commas", http.Header{"Forwarded": {`for=203.0.113.9;host="a, for=6.6.6.6"`}}, "203.0.113.9"},
		{"RFC 7239, quoted semicolons", http.Header{"Forwarded": {`for=203.0.113.9;host="a;for=6.6.6.6"`}}, "203.0.113.9"},
		{"RFC 7239, escaped quotes", http.Header{"Forwarded": {`for=203.0.113.9;host="a\", for=6.6.6.6;x=\"b"`}}, "203.0.113.9"},
		{"RFC 7239, a quote left open", http.Header{"Forwarded": {`for="6.6.6.6, for=203.0.113.9, for="10.2.3.4"`}}, "203.0.113.9"},
		{"RFC 7239, a quote escaped by nobody", http.Header{"Forwarded": {`for=6.6.6.6\, for="203.0.113.9"`}}, "203.0.113.9"},
		{"RFC 7239, a name that ends in for", http.Header{"Forwarded": {"for=203.0.113.9;xfor=6.6.6.6;for-=6.6.6.6"}}, "203.0.113.9"},
		{"RFC 7239, a zone that says more", http.Header{"Forwarded": {`for="[2001:db8:2::1%x, 6.6.6.6]"`}}, "2001:db8:2::1"},
		{"IPv6 with a port", http.Header{"X-Forwarded-For": {"[2001:db8:2::1]:4711"}}, "2001:db8:2::1"},
		{"IPv6 in brackets", http.Header{"X-Forwarded-For": {"[2001:db8:2::1]"}}, "2001:db8:2::1"},
		{"IPv6 with a zone", http.Header{"X-Forwarded-For": {"2001:db8:2::1%eth0"}}, "2001:db8:2::1"},
		{"a trusted address with a zone", http.Header{"X-Forwarded-For": {"203.0.113.9, 2001:db8:1::5%eth0"}}, "203.0.113.9"},
		{"a port that is none", http.Header{"X-Forwarded-For": {"6.6.6.6, 203.0.113.9:x"}}, peer},
		{"octal", http.Header{"X-Forwarded-For": {"6.6.6.6, 010.2.3.4"}}, peer},
		{"short forms", http.Header{"X-Forwarded-For": {"6.6.6.6, 10.1"}}, peer},
		{"a block", http.Header{"X-Forwarded-For": {"6.6.6.6, 10.0.0.0/8"}}, peer},
		{"garbage", http.Header{"X-Forwarded-For": {"\x00\xff, <script>, localhost"}}, peer},
		{"nothing between commas", http.Header{"X-Forwarded-For": {",,,"}}, peer},
		{"an empty field", http.Header{"X-Forwarded-For": {""}, "Forwarded": {"for=6.6.6.6"}}, peer},
		{"an empty field behind another", http.Header{"X-Forwarded-For": {"6.6.6.6", ""}}, peer},
		{"tabs", http.Header{"X-Forwarded-For": {"6.6.6.6,\t203.0.113.9\t"}}, "203.0.113.9"},
		{"many", http.Header{"X-Forwarded-For": {strings.Repeat("6.6.6.6,", 5000) + "203.0.113.9"}}, "203.0.113.9"},
		{"many quotes", http.Header{"Forwarded": {strings.Repeat(`\"`, 20000) + ",for=203.0.113.9"}}, "203.0.113.9"},
		{"aliases are nobody's", http.Header{"X-Forwarded-for": {"6.6.6.6"}, "X_Forwarded_For": {"6.6.6.6"}, "X-Real-Ip": {"6.6.6.6"}}, peer},
		{"X-Forwarded-For goes first", http.Header{"Forwarded": {"for=6.6.6.6"}, "X-Forwarded-For": {"203.0.113.9"}}, "203.0.113.9"},
	} {
		if got := state.clientBehind(netip.MustParseAddr(peer), test.header); got.String() != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
}

func TestDropSegments(t *testing.T) {
	for _, test := range []struct {
		path string
		n    int
		want string
	}{
		{"/a/b/c", 0, "/a/b/c"},
		{"/a/b/c", 1, "/b/c"},
		{"/a/b/c", 2, "/c"},
		{"/a/b/c/", 2, "/c/"},
		{"/a", 1, "/"},
		{"/a/", 1, "/"},
		{"/a/b", 2, "/"},
		{"/a", 3, "/"},
		{"/", 1, "/"},
		// An encoded slash separates nothing.
		{"/a%2Fb/c%2fd/e", 1, "/c%2fd/e"},
	} {
		if got := dropSegments(test.path, test.n); got != test.want {
			t.Errorf("dropSegments(%q, %d) = %q, want %q", test.path, test.n, got, test.want)
		}
	}
}
