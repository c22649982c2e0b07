package location

import (
	"context"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"scp://admin@192.0.2.1/home/admin/run.cfg", "admin 192.0.2.1:22 /home/admin/run.cfg run.cfg"},
		{"SFTP://h:2222/d/", " h:2222 /d/ "},
		{"scp://a@[2001:db8::1]/~/f", "a [2001:db8::1]:22 f f"},
		{"https://h/a%20b?x=1", " h:443 /a b a b"},
		{"http://h", " h:80  "},
		{"scp://h", "ERROR: Invalid URL: no file"}, {"scp://h/", "ERROR: Invalid URL: no file"}, {"scp:///f", "ERROR: Invalid URL: host"}, {"scp://h::1/f", "ERROR: Invalid URL: host"}, {"scp://[fe80::1%25eth0]/f", "ERROR: Invalid URL: host"},
		{"scp://a:b@h/f", "ERROR: A password cannot be part of a URL; it is asked for"},
		{"ftp://h/f", "ERROR: Invalid URL: not scp, sftp, http or https"}, {"scp://h:0/f", "ERROR: Invalid URL: port"},
		{"scp://h/a%0ab", "ERROR: Invalid URL"}, {"scp://h/f#x", "ERROR: Invalid URL"}, {"scp:f", "ERROR: Invalid URL"},
		{"scp://h/" + strings.Repeat("x", 1024), "ERROR: URL exceeds 1024 characters"},
	} {
		u, err := Parse(c.text)
		got := strings.Join([]string{u.User, u.Address(), u.Remote(), u.Name()}, " ")
		if err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%q: got %q, want %q", c.text, got, c.want)
		}
	}
}

// FuzzParse: a URL that is understood is printable, and means the same as printed.
func FuzzParse(f *testing.F) {
	for _, text := range []string{"scp://a@h:1/~/x", "https://[::1]:4/%25?q=%00", "sftp://a%40b@h/x%2fy", "http://h?x"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		u, err := Parse(text)
		if err != nil {
			return
		}
		again, err := Parse(u.String())
		if err != nil && len(u.String()) <= maxURL || err == nil && again != u {
			t.Fatalf("%q is %+v, printed %q, which is %+v, %v", text, u, u.String(), again, err)
		}
	})
}

func TestPrintable(t *testing.T) {
	if got, want := Printable("\x1b]0;x\x07a\r\nb\xff\u009bé"), ".]0;x.a.\nb?.é"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	var said, asked string
	who := Operator{Say: func(s string) { said = s }, Ask: func(_ context.Context, q string, _ bool) (string, error) { asked = q; return "", nil }}.Printable()
	who.Say("\x1b[2J")
	_, _ = who.Ask(t.Context(), "\x1b[2J", true)
	if said != ".[2J" || asked != ".[2J" {
		t.Errorf("said %q, asked %q", said, asked)
	}
}

func TestPartial(t *testing.T) {
	for _, c := range []struct{ text, host, path, want string }{
		{"scp:", "there", "a b", "scp://there/~/a%20b"},
		{"SCP:", "there", "/a", "scp://there/a"},
		{"sftp://", "2001:db8::1", "d/", "sftp://[2001:db8::1]/~/d/"},
		{"scp://bob@there:2222", "not asked", "/f", "scp://bob@there:2222/f"},
		{"sftp://there/", "", "", "sftp://there/~/"},
	} {
		u, ok := Partial(c.text)
		if !ok {
			t.Errorf("%s is not partial", c.text)
			continue
		}
		whole, err := u.Completed(c.host, c.path)
		if err != nil || whole.String() != c.want {
			t.Errorf("%s with %q and %q: got %v, %v, want %s", c.text, c.host, c.path, whole, err, c.want)
		}
	}
	for _, text := range []string{"", "scp", "http:", "scp:x", "scp:///", "scp://there/x", "scp://there/x/", "sftp://a:b@there", "scp://there?x", "bootflash:", "scp://there:0"} {
		if u, ok := Partial(text); ok {
			t.Errorf("%q is partial: %v", text, u)
		}
	}
	if _, err := (URL{Scheme: "scp", Port: 22}).Completed("a b", "x"); err == nil {
		t.Error("a host with a blank is taken")
	}
}
