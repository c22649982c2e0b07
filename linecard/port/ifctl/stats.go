package ifctl

import (
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// Layout of RTM_GETSTATS and its answer (linux/if_link.h): a netlink header, an
// if_stats_msg, and one attribute that holds an rtnl_link_stats64.
const (
	statsMsg   = 12 // bytes of if_stats_msg
	statsLink  = 1  // IFLA_STATS_LINK_64
	txDropped  = 7  // field of rtnl_link_stats64
	statsReply = 4 << 10
)

var errStats = errors.New("the kernel's answer has no counters")

// TxDropped returns how many frames the kernel has dropped on their way out of
// a device, by its interface index.
func (c *Conn) TxDropped(index int) (uint64, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seq++
	n, err := c.stats(index)
	if err != nil {
		return 0, fmt.Errorf("read counters of interface %d: %w", index, err)
	}
	return n, nil
}

// stats asks for the counters of a link. The kernel answers before it returns
// from the request. Called with mu held.
func (c *Conn) stats(index int) (uint64, error) {
	var request [unix.SizeofNlMsghdr + statsMsg]byte
	order := binary.NativeEndian
	order.PutUint32(request[0:], uint32(len(request)))
	order.PutUint16(request[4:], unix.RTM_GETSTATS)
	order.PutUint16(request[6:], unix.NLM_F_REQUEST)
	order.PutUint32(request[8:], c.seq)
	order.PutUint32(request[20:], uint32(index))
	order.PutUint32(request[24:], 1<<(statsLink-1))
	if err := unix.Sendto(c.fd, request[:], 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return 0, err
	}
	var reply [statsReply]byte
	for {
		n, _, err := unix.Recvfrom(c.fd, reply[:], unix.MSG_DONTWAIT)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return 0, err
		}
		if n >= unix.SizeofNlMsghdr && order.Uint32(reply[8:]) != c.seq {
			continue // of a question that was given up
		}
		return parseStats(reply[:n])
	}
}

// parseStats reads the answer to a question about one link.
func parseStats(b []byte) (uint64, error) {
	order := binary.NativeEndian
	const body = unix.SizeofNlMsghdr + statsMsg
	if len(b) < unix.SizeofNlMsghdr+4 {
		return 0, errStats
	}
	if order.Uint16(b[4:]) == unix.NLMSG_ERROR {
		if no := int32(order.Uint32(b[unix.SizeofNlMsghdr:])); no < 0 {
			return 0, unix.Errno(-no)
		}
		return 0, errStats
	}
	const fields = body + unix.SizeofNlAttr
	if order.Uint16(b[4:]) != unix.RTM_NEWSTATS || len(b) < fields+8*(txDropped+1) || order.Uint16(b[body+2:]) != statsLink {
		return 0, errStats
	}
	return order.Uint64(b[fields+8*txDropped:]), nil
}
