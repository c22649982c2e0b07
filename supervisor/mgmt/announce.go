package mgmt

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"trunkline/feature"
	"trunkline/internal/ether"
)

// An interface says where it is when it is up anew: it may be on another card, and
// others would send to the old one. Once is not enough, as the card's port may not
// forward yet. IPv6 says so by itself, when it looks for duplicates.
const (
	announcements = 3
	announceAgain = time.Second
)

// saying is how often an interface has to announce itself yet, and when again.
type saying struct {
	left int
	next time.Time
}

// announce has the interfaces that came up, moved or have other addresses say where
// they are. It reports whether some are to say so again.
func (s *SVIs) announce(was, now []feature.VLANInterface) (again bool) {
	before := map[string]feature.VLANInterface{}
	for _, i := range was {
		before[i.Name] = i
	}
	for _, i := range now {
		if old := before[i.Name]; i.Up && (!old.Up || old.Index != i.Index || len(old.Prefixes) != len(i.Prefixes)) {
			s.saying[i.Name] = saying{left: announcements}
		}
		to := s.saying[i.Name]
		if !i.Up || to.left == 0 {
			delete(s.saying, i.Name)
			continue
		}
		if time.Now().Before(to.next) {
			again = true
			continue
		}
		to = saying{to.left - 1, time.Now().Add(announceAgain)}
		s.saying[i.Name] = to
		again = again || to.left > 0
		for _, p := range i.Prefixes {
			if err := gratuitous(i.Index, i.MAC, p.Addr()); err != nil {
				s.log.Warn("vlan interface", "interface", i.Name, "error", err)
			}
		}
	}
	return again
}

// gratuitous sends an ARP request of an IPv4 address for itself (RFC 5227 §3),
// nothing for IPv6.
func gratuitous(index int, mac ether.MAC, a netip.Addr) error {
	if !a.Is4() {
		return nil
	}
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("announce %s: %w", a, err)
	}
	ip := a.As4()
	b := binary.BigEndian.AppendUint16(nil, 1)            // Ethernet
	b = binary.BigEndian.AppendUint16(b, 0x0800)          // IPv4
	b = binary.BigEndian.AppendUint16(append(b, 6, 4), 1) // lengths; request
	b = append(append(b, mac[:]...), ip[:]...)
	b = append(append(b, make([]byte, 6)...), ip[:]...)
	to := unix.SockaddrLinklayer{Protocol: 0x0608, Ifindex: index, Halen: 6, Addr: [8]byte{255, 255, 255, 255, 255, 255}} // ARP, in network order
	err = errors.Join(unix.Sendto(fd, b, 0, &to), unix.Close(fd))
	if errors.Is(err, unix.ENETDOWN) {
		return nil // it went down again
	}
	if err != nil {
		return fmt.Errorf("announce %s: %w", a, err)
	}
	return nil
}
