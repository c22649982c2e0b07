package files

import (
	"path/filepath"
	"testing"
	"trunkline/internal/flash"
	"trunkline/internal/mutate"
)

func TestName(t *testing.T) {
	for _, c := range []struct{ path, want string }{
		{"f", "bootflash:f"}, {"/f", "bootflash:f"}, {"bootflash:f", "bootflash:f"}, {"/bootflash:f", "bootflash:f"},
		{"bootflash:///d/f", "bootflash:d/f"}, {"/", "bootflash:"}, {".", "bootflash:"}, {"", "bootflash:"}, {"/bootflash:", "bootflash:"},
		{"/volatile:/f", "volatile:f"}, {"/d/volatile:f", "volatile:f"}, {"/volatile:/bootflash:d/f", "bootflash:d/f"}, {"Volatile:", "volatile:"},
		{"../../etc/passwd", "bootflash:etc/passwd"}, {"/volatile:/../f", "volatile:f"},
		{"running-config", "running-config"}, {"/startup-config", "startup-config"}, {"bootflash:running-config", "bootflash:running-config"},
		{"d/running-config", "bootflash:d/running-config"},
		{"tftp:x", "ERROR: Invalid file system: tftp:"}, {"a b", "ERROR: Invalid file name: a b"}, {"/.new-1", "ERROR: Invalid file name: /.new-1"},
		{"f\n", "ERROR: Invalid file name: f\n"},
	} {
		got, err := Name(c.path)
		if err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%q: got %s, want %s", c.path, got, c.want)
		}
	}
}

// FuzzName: a path names something in a file system or a configuration, and the
// path of that names the same.
func FuzzName(f *testing.F) {
	for _, path := range nameSeeds {
		f.Add(path)
	}
	f.Fuzz(names)
}

var nameSeeds = []string{"/volatile:/../f", "running-config", "bootflash:running-config", "/a/b:c/bootflash:/x", "//", "bootflash:volatile:x", "../../../../etc/passwd"}

func names(t *testing.T, path string) {
	name, err := Name(path)
	if err != nil {
		return
	}
	if n, err := flash.Parse(name); !virtual(name) && (err != nil || n.String() != name || n.Path != "" && !filepath.IsLocal(n.Path)) {
		t.Fatalf("%q: %q, %v", path, name, err)
	}
	if again, err := Name(Path(name)); err != nil || again != name {
		t.Fatalf("%q: %q is at %q, which is %q, %v", path, name, Path(name), again, err)
	}
}

// TestShare is the share of fuzzing of every run.
func TestShare(t *testing.T) { mutate.Try(t, names, nameSeeds...) }
