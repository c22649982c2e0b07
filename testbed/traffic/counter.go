package traffic

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"

	"trunkline/linecard/port/inns"
)

// Counters are what the kernel counts of a device, from the device's view.
type Counters struct {
	RxFrames, RxOctets, RxDrops uint64
	TxFrames, TxOctets, TxDrops uint64
}

// Count reads the counters of a device in a namespace.
func Count(namespace, device string) (Counters, error) {
	var c Counters
	err := inns.Do(namespace, func() error {
		// Of the thread, which is in the namespace; /proc/net is of the process.
		f, err := os.Open("/proc/thread-self/net/dev")
		if err != nil {
			return err
		}
		defer f.Close()
		for lines := bufio.NewScanner(f); lines.Scan(); {
			name, rest, _ := strings.Cut(strings.TrimSpace(lines.Text()), ":")
			if name != device {
				continue
			}
			w := strings.Fields(rest)
			if len(w) < 16 {
				return fmt.Errorf("%d columns, want 16", len(w))
			}
			for i, v := range map[int]*uint64{
				0: &c.RxOctets, 1: &c.RxFrames, 3: &c.RxDrops, 8: &c.TxOctets, 9: &c.TxFrames, 11: &c.TxDrops,
			} {
				if *v, err = strconv.ParseUint(w[i], 10, 64); err != nil {
					return err
				}
			}
			return nil
		}
		return os.ErrNotExist
	})
	if err != nil {
		return c, fmt.Errorf("read counters of %s: %w", device, err)
	}
	return c, nil
}
