package guest

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"
)

// TestArchive has busybox list and unpack what the kernel is given.
func TestArchive(t *testing.T) {
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		t.Skip(err)
	}
	var a archive
	a.add("bin", modeDir|0o755, nil)
	a.add("bin/odd", modeFile|0o644, []byte("three"))
	a.add("link", modeLink|0o777, []byte("bin/odd"))
	image := a.bytes()
	dir := t.TempDir()
	cmd := exec.Command(busybox, "cpio", "-i")
	cmd.Dir, cmd.Stdin = dir, bytes.NewReader(image)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	cat := exec.Command(busybox, "cat", "link")
	cat.Dir = dir
	if out, err := cat.CombinedOutput(); err != nil || strings.TrimSpace(string(out)) != "three" {
		t.Errorf("%v: %q", err, out)
	}
}
