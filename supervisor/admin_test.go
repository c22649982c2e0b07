package supervisor

import (
	"flag"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"trunkline/config/tree"
	"trunkline/feature"
	"trunkline/feature/aaa"
)

// first returns the tree of a new chassis in dir, and what was announced.
func first(t *testing.T, dir string, a Admin) (tree.Tree, []string) {
	t.Helper()
	var told []string
	if a.Announce == nil {
		a.Announce = func(user, password string) { told = append(told, user+" "+password) }
	}
	s := &Supervisor{cfg: Config{StateDir: dir, Admin: a}, log: slog.New(slog.DiscardHandler)}
	got, err := s.administered(tree.Tree{})
	if err != nil {
		t.Fatal(err)
	}
	return got, told
}

func TestFirstUser(t *testing.T) {
	dir := t.TempDir()
	a, told := first(t, dir, Admin{})
	if len(told) != 1 || !strings.HasPrefix(told[0], "admin ") {
		t.Fatalf("told %q", told)
	}
	password := strings.TrimPrefix(told[0], "admin ")
	if len(password) < 16 || !aaa.Secret(a, "admin").Verify(password) || aaa.Role(a, "admin") != feature.NetworkAdmin {
		t.Errorf("password %q, secret %v, role %s", password, aaa.Secret(a, "admin"), aaa.Role(a, "admin"))
	}
	if b, told := first(t, dir, Admin{}); len(told) != 0 || !a.Equal(b) {
		t.Errorf("the second time: told %q, equal %v", told, a.Equal(b))
	}
	if b, told := first(t, t.TempDir(), Admin{}); len(told) != 1 || aaa.Secret(b, "admin").Verify(password) {
		t.Errorf("another chassis: told %q and has the same password", told)
	}
	info, err := os.Stat(filepath.Join(dir, adminFile))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	if b, err := os.ReadFile(filepath.Join(dir, adminFile)); err != nil || strings.Contains(string(b), password) {
		t.Errorf("the file holds %q, %v", b, err)
	}
	if err := os.WriteFile(filepath.Join(dir, adminFile), []byte("5 broken"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := &Supervisor{cfg: Config{StateDir: dir}}
	if _, err := s.administered(tree.Tree{}); err == nil {
		t.Error("a broken file is no error")
	}
}

func TestFirstUserWithGivenPassword(t *testing.T) {
	dir := t.TempDir()
	a, told := first(t, dir, LabAdmin("", ""))
	if len(told) != 0 || !aaa.Secret(a, "admin").Verify("admin") {
		t.Errorf("told %q, secret %v", told, aaa.Secret(a, "admin"))
	}
	if b, _ := first(t, dir, LabAdmin("", "")); !a.Equal(b) {
		t.Error("another secret for the same password")
	}
	if b, _ := first(t, dir, LabAdmin("root", "other")); !aaa.Secret(b, "root").Verify("other") || aaa.Exists(b, "admin") {
		t.Error("name and password are not those given")
	}
	s := &Supervisor{cfg: Config{StateDir: t.TempDir(), Admin: LabAdmin("a b", "")}}
	if _, err := s.administered(tree.Tree{}); err == nil {
		t.Error("a b is a name")
	}
	// A configuration with an administrator is left as it is.
	s = &Supervisor{cfg: Config{StateDir: t.TempDir()}}
	if b, err := s.administered(a); err != nil || !a.Equal(b) {
		t.Errorf("changed, or %v", err)
	}
}

func TestAdminFlags(t *testing.T) {
	for text, want := range map[string]string{
		"Trunk-line9\n": "Trunk-line9", "Trunk-line9": "Trunk-line9", " two words \r\n": " two words ",
		"": "", "\n": "", "a\nb\n": "", strings.Repeat("x", 128): "", strings.Repeat("x", 127): strings.Repeat("x", 127),
	} {
		path := filepath.Join(t.TempDir(), "password")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		fs := flag.NewFlagSet("x", flag.ContinueOnError)
		var out strings.Builder
		get := AdminFlags(fs, &out)
		if err := fs.Parse([]string{"--admin-password-file", path}); err != nil {
			t.Fatal(err)
		}
		if a, err := get(); a.Password != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v; want %q", text, a.Password, err, want)
		}
	}
	fs := flag.NewFlagSet("x", flag.ContinueOnError)
	var out strings.Builder
	a, err := AdminFlags(fs, &out)()
	if err != nil || a.Password != "" {
		t.Fatalf("without the flag: %q, %v", a.Password, err)
	}
	a.Announce("admin", "SECRET")
	if strings.Count(out.String(), "SECRET") != 1 || !strings.Contains(out.String(), "admin") {
		t.Errorf("announced %q", &out)
	}
}
