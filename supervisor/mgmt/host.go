package mgmt

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// procNet is where the kernel's settings of the network are.
const procNet = "/proc/sys/net"

// setting is a setting of the kernel for a device.
type setting struct {
	family, name, value string
	// required says that the device is not safe without it.
	required bool
}

// prepare makes a device that of a host. IPv6 is off unless there is an address.
// The first error is what leaves the device one that must not come up; the other
// one what is less than it should be. What is as wanted is not written: the files
// may be read only, as in a container.
func prepare(root, device string, ipv6 bool) (required, others error) {
	disabled := setting{"ipv6", "disable_ipv6", "1", false}
	if ipv6 {
		disabled.value = "0"
	}
	for _, x := range []setting{
		{"ipv4", "forwarding", "0", true}, {"ipv4", "arp_ignore", "1", true},
		{"ipv4", "arp_announce", "2", false}, {"ipv4", "arp_notify", "1", false},
		{"ipv4", "accept_redirects", "0", false}, {"ipv4", "send_redirects", "0", false},
		{"ipv6", "forwarding", "0", true}, {"ipv6", "accept_ra", "0", true},
		{"ipv6", "autoconf", "0", false}, {"ipv6", "accept_redirects", "0", false},
		disabled, // last: with IPv6 on, all else holds already
	} {
		err := x.keep(root, device)
		switch {
		case err == nil:
		case x.required:
			required = errors.Join(required, err)
		default:
			others = errors.Join(others, err)
		}
	}
	return required, others
}

// keep has the setting be its value; a kernel without it is no error.
func (x setting) keep(root, device string) error {
	file := filepath.Join(root, x.family, "conf", device, x.name)
	now, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) || err == nil && string(now) == x.value+"\n" {
		return nil
	}
	if err := os.WriteFile(file, []byte(x.value), 0); err != nil {
		return fmt.Errorf("%s.%s of %s: %w", x.family, x.name, device, errors.Unwrap(err))
	}
	return nil
}
