package guest

import (
	"archive/tar"
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Image is a kernel and its first file system, in files.
type Image struct{ Kernel, Initrd string }

// modules are what the guest loads, in this order: each needs only those before
// it.
var modules = [...]string{
	"virtio_ring", "virtio", "virtio_pci_legacy_dev", "virtio_pci_modern_dev", "virtio_pci",
	"failover", "net_failover", "virtio_net",
}

// initScript is the guest's first program.
//
//go:embed init.sh
var initScript []byte

// ready is what the guest says on its console when it has booted.
const ready = "GUEST-READY"

// kernelPackage returns the kernel that .ci/deps has fetched: the Debian package
// of a kernel for clouds, in the user's cache.
func kernelPackage() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("no guest: %w", err)
	}
	dir := filepath.Join(cache, "trunkline", "guest")
	found, err := filepath.Glob(filepath.Join(dir, "linux-image-*-cloud-amd64_*.deb"))
	if err != nil {
		return "", err
	}
	if len(found) == 0 {
		return "", fmt.Errorf("no guest: no kernel package in %s, where .ci/deps puts it", dir)
	}
	return slices.Max(found), nil
}

// Make makes the image in a directory.
func Make(ctx context.Context, dir string) (Image, error) {
	i := Image{filepath.Join(dir, "vmlinuz"), filepath.Join(dir, "initrd")}
	if err := i.make(ctx); err != nil {
		return Image{}, fmt.Errorf("make guest image: %w", err)
	}
	return i, nil
}

func (i Image) make(ctx context.Context) error {
	deb, err := kernelPackage()
	if err != nil {
		return err
	}
	files, err := unpack(ctx, deb)
	if err != nil {
		return err
	}
	if err := os.WriteFile(i.Kernel, files["vmlinuz"], 0o644); err != nil {
		return err
	}
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		return err
	}
	shell, err := os.ReadFile(busybox)
	if err != nil {
		return err
	}
	applets, err := exec.CommandContext(ctx, busybox, "--list").Output()
	if err != nil {
		return fmt.Errorf("list what busybox can do: %w", err)
	}
	var a archive
	for _, d := range []string{"bin", "dev", "lib", "proc", "sys", "tmp"} {
		a.add(d, modeDir|0o755, nil)
	}
	a.add("init", modeFile|0o755, initScript)
	a.add("pattern", modeFile|0o644, pattern())
	a.add("bin/busybox", modeFile|0o755, shell)
	for name := range strings.FieldsSeq(string(applets)) {
		if name != "busybox" {
			a.add("bin/"+name, modeLink|0o777, []byte("busybox"))
		}
	}
	for _, m := range modules {
		a.add("lib/"+m+".ko", modeFile|0o644, files[m+".ko"])
	}
	a.add("lib/order", modeFile|0o644, []byte(strings.Join(modules[:], "\n")+"\n"))
	return os.WriteFile(i.Initrd, a.bytes(), 0o644)
}

// maxFile bounds a file of the package, in bytes.
const maxFile = 64 << 20

// unpack returns the kernel, as "vmlinuz", and the modules of a package.
func unpack(ctx context.Context, deb string) (map[string][]byte, error) {
	cmd := exec.CommandContext(ctx, "dpkg-deb", "--fsys-tarfile", deb)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	files, err := choose(tar.NewReader(out))
	if err != nil {
		_ = cmd.Process.Kill()
	}
	if e := cmd.Wait(); e != nil && err == nil {
		err = fmt.Errorf("%w: %s", e, strings.TrimSpace(said.String()))
	}
	if err != nil {
		return nil, fmt.Errorf("unpack %s: %w", deb, err)
	}
	return files, nil
}

func choose(t *tar.Reader) (map[string][]byte, error) {
	files := map[string][]byte{}
	for {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		name := path.Base(h.Name)
		if strings.HasPrefix(name, "vmlinuz-") {
			name = "vmlinuz"
		} else if m, ok := strings.CutSuffix(name, ".ko"); !ok || !slices.Contains(modules[:], m) {
			continue
		}
		b, err := io.ReadAll(io.LimitReader(t, maxFile))
		if err != nil {
			return nil, err
		}
		files[name] = b
	}
	for _, name := range append([]string{"vmlinuz"}, modules[:]...) {
		if name != "vmlinuz" {
			name += ".ko"
		}
		if len(files[name]) == 0 {
			return nil, fmt.Errorf("there is no %s", name)
		}
	}
	return files, nil
}
