package mgmt

import (
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"trunkline/testbed/netns/nstest"
)

// TestReadOnlySettings: where the kernel cannot be told to make a device a host's,
// the interface stays down and says why, until it can.
func TestReadOnlySettings(t *testing.T) {
	nstest.Require(t)
	link := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "vlan10"}, PeerName: "vlan10p"}
	if err := netlink.LinkAdd(link); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = netlink.LinkDel(link) })
	if err := netlink.LinkSetAlias(link, mark+"Vlan10"); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{"accept_ra": "1", "disable_ipv6": "1"} {
		if err := os.WriteFile(filepath.Join(procNet, "ipv6/conf/vlan10", name), []byte(value), 0); err != nil {
			t.Skip(err)
		}
	}
	s := NewSVIs(&Watchers{}, nil, slog.New(slog.DiscardHandler))
	s.wanted.Store(&WantedSVIs{SVIs: []SVI{vlan(10, true, "10.0.0.254/24")}})
	readOnly(t, func() { s.keep(); s.keep() })
	now, has := s.Snapshot()[0], actualOf(t, "vlan10")
	if has.up || len(has.addresses) > 0 || !strings.Contains(now.Error, "ipv6.accept_ra of vlan10: read-only file system") {
		t.Errorf("unprepared: %+v, device %+v", now, has)
	}
	s.keep()
	now, has = s.Snapshot()[0], actualOf(t, "vlan10")
	if !has.up || len(has.addresses) != 1 || now.Error != "" {
		t.Errorf("prepared: %+v, device %+v", now, has)
	}

	// What is as wanted already need not be written.
	s.prepared = map[string]prepared{}
	readOnly(t, func() { s.keep() })
	if now, has = s.Snapshot()[0], actualOf(t, "vlan10"); !has.up || now.Error != "" {
		t.Errorf("nothing to be written: %+v, device %+v", now, has)
	}
}

// readOnly runs f where the settings of the kernel cannot be written.
func readOnly(t *testing.T, f func()) {
	t.Helper()
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends, with its mounts
		done <- func() error {
			if err := unix.Unshare(unix.CLONE_FS | unix.CLONE_NEWNS); err != nil {
				return err
			}
			if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
				return err
			}
			if err := unix.Mount("/proc/sys", "/proc/sys", "", unix.MS_BIND, ""); err != nil {
				return err
			}
			if err := unix.Mount("", "/proc/sys", "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
				return err
			}
			f()
			return nil
		}()
	}()
	if err := <-done; err != nil {
		t.Skipf("needs mount namespaces: %v", err)
	}
}
