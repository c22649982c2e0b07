package agent

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"

	"trunkline/internal/cores"
	"trunkline/linecard/api"
)

// Conf is the host's own file, vem.conf (cli.md §13.1): lines of a keyword and
// its values; '#' starts a comment. Only lines that do something are known.
//
//	switch-domain N                  domain of the card
//	l3control-ipaddr A [A2]          addresses of the supervisors
//	host-uuid U                      UUID of the host
//	host-mgmt-intf IF                device whose address the card reports
//	phys IF profile NAME             adopt a device as uplink, with a port-profile
//	datapath {auto|packet|xdp} [cores LIST]
//	                                 how interfaces are driven, and the cores of
//	                                 the workers (host datapath, cli.md §13.2)
type Conf struct {
	Domain      uint32
	Supervisors []string // IP addresses without port
	UUID        string
	Mgmt        string
	Phys        []Phys
	Datapath    string // "auto", "packet" or "xdp"; "" if not given
	Cores       []int  // nil if not given
}

// Phys is one device to adopt.
type Phys struct{ Device, Profile string }

const (
	maxConf     = 1 << 20 // bytes
	maxPhys     = 1000
	maxDomain   = 4095
	maxIfname   = 15
	maxProfName = 80
)

// ReadConf reads the file at path.
func ReadConf(path string) (Conf, error) {
	f, err := os.Open(path)
	if err != nil {
		return Conf{}, fmt.Errorf("read configuration of card: %w", err)
	}
	defer f.Close() //nolint:errcheck // opened for reading
	c, err := ParseConf(f)
	if err != nil {
		return Conf{}, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

// ParseConf reads the text of the file. Its error names all wrong lines.
func ParseConf(r io.Reader) (Conf, error) {
	var c Conf
	var wrong []error
	lines := bufio.NewScanner(io.LimitReader(r, maxConf))
	seen := map[string]int{}
	n := 0
	for lines.Scan() {
		n++
		text, _, _ := strings.Cut(lines.Text(), "#")
		words := strings.Fields(text)
		if len(words) == 0 {
			continue
		}
		key := words[0]
		if key == "phys" && len(words) > 1 {
			key += " " + words[1]
		}
		if first := seen[key]; first != 0 {
			wrong = append(wrong, fmt.Errorf("line %d: %q stands in line %d already", n, key, first))
			continue
		}
		seen[key] = n
		if err := c.line(words[0], words[1:]); err != nil {
			wrong = append(wrong, fmt.Errorf("line %d: %w", n, err))
		}
	}
	if err := lines.Err(); err != nil {
		wrong = append(wrong, fmt.Errorf("line %d: %w", n+1, err))
	}
	if err := errors.Join(wrong...); err != nil {
		return Conf{}, err
	}
	return c, nil
}

func (c *Conf) line(key string, args []string) error {
	form := func(ok bool, usage string) error {
		if !ok {
			return fmt.Errorf("want %q", usage)
		}
		return nil
	}
	one := len(args) == 1
	switch key {
	case "switch-domain":
		if one {
			n, err := strconv.ParseUint(args[0], 10, 32)
			c.Domain = uint32(n)
			one = err == nil && n >= 1 && n <= maxDomain
		}
		return form(one, "switch-domain <1-4095>")
	case "l3control-ipaddr":
		ok := len(args) == 1 || len(args) == 2
		for _, a := range args {
			_, err := netip.ParseAddr(a)
			ok = ok && err == nil
		}
		c.Supervisors = args
		return form(ok, "l3control-ipaddr A.B.C.D [A.B.C.D]")
	case "host-uuid":
		if one {
			c.UUID = strings.ToLower(args[0])
			one = api.ValidUUID(c.UUID)
		}
		return form(one, "host-uuid UUID")
	case "host-mgmt-intf":
		if one {
			c.Mgmt = args[0]
			one = ifname(c.Mgmt)
		}
		return form(one, "host-mgmt-intf IF")
	case "phys":
		ok := len(args) == 3 && ifname(args[0]) && args[1] == "profile" && len(args[2]) <= maxProfName
		if err := form(ok, "phys IF profile NAME"); err != nil {
			return err
		}
		if len(c.Phys) == maxPhys {
			return fmt.Errorf("more than %d devices", maxPhys)
		}
		c.Phys = append(c.Phys, Phys{args[0], args[2]})
		return nil
	case "datapath":
		ok := (one || len(args) == 3 && args[1] == "cores") && slices.Contains([]string{"auto", "packet", "xdp"}, args[0])
		if ok && !one {
			var err error
			c.Cores, err = cores.Parse(args[2])
			ok = err == nil
		}
		if ok {
			c.Datapath = args[0]
		}
		return form(ok, "datapath {auto|packet|xdp} [cores LIST]")
	}
	return fmt.Errorf("unknown keyword %.40q", key)
}

// ifname reports whether the kernel takes the name for a device.
func ifname(s string) bool {
	return s != "" && s != "." && s != ".." && len(s) <= maxIfname && !strings.ContainsAny(s, "/:")
}
