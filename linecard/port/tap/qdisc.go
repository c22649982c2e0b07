package tap

import (
	"fmt"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"trunkline/linecard/port/inns"
)

// single gives a device with several queues one queueing discipline in front of
// all, before it comes up. By itself the kernel would make one for each of the
// 256 queues that such a device may have, of 26 KiB each: 6.7 MB a device.
func single(namespace, device string) error {
	err := inns.Do(namespace, func() error {
		h, err := netlink.NewHandle(unix.NETLINK_ROUTE)
		if err != nil {
			return err
		}
		defer h.Close()
		l, err := h.LinkByName(device)
		if err != nil {
			return err
		}
		return h.QdiscAdd(&netlink.GenericQdisc{
			QdiscAttrs: netlink.QdiscAttrs{LinkIndex: l.Attrs().Index, Handle: netlink.MakeHandle(1, 0), Parent: netlink.HANDLE_ROOT},
			QdiscType:  "pfifo_fast",
		})
	})
	if err != nil {
		return fmt.Errorf("set queueing discipline of %s: %w", device, err)
	}
	return nil
}
