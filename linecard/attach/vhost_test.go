package attach_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"trunkline/linecard/attach"
	"trunkline/testbed/vhost"
)

// TestVhostUser follows a port through machines that come and go.
func TestVhostUser(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "vm.sock")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c := start(t, attach.Options{})
	c.m.Set([]attach.Want{{Name: "V1", Kind: attach.VhostUser, Device: path, MTU: 9000}})
	c.wait("error of what is in the way", func() bool { return c.states["V1"].Error != "" })
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		c.wait("V1 open without a machine", c.down("V1", true))
		a, err := vhost.Dial(path, vhost.Options{})
		if err == nil {
			err = a.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		c.wait("V1 up", c.up("V1"))
		c.mu.Lock()
		if i := c.states["V1"].Info; i.Kind != "vhost-user" || i.Device != "vm.sock" || i.MTU != 9000 {
			t.Errorf("%+v", i)
		}
		c.mu.Unlock()
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	}
	c.wait("V1 open without a machine", c.down("V1", true))
	c.m.Set(nil)
	c.wait("V1 closed", func() bool { return len(c.ports) == 0 })
	c.stop()
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("socket is left: %v", err)
	}
}
