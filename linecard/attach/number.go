package attach

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"trunkline/internal/ether"
)

// numbers binds port numbers to devices across restarts: to the permanent
// address of a NIC, or for a device without one to its address, else its name.
// A number that was given once is not given to another device.
type numbers struct {
	file  string // "" keeps them in memory
	known []numbered
}

type numbered struct {
	Number int    `json:"number"`
	MAC    string `json:"mac"` // hhhh.hhhh.hhhh
	Device string `json:"device"`
}

// loadNumbers reads the file of a state directory. A file that cannot be read
// as such is an error: guessing would renumber the ports.
func loadNumbers(dir string) (numbers, error) {
	if dir == "" {
		return numbers{}, nil
	}
	n := numbers{file: filepath.Join(dir, "nics.json")}
	b, err := os.ReadFile(n.file)
	if errors.Is(err, fs.ErrNotExist) {
		return n, nil
	}
	if err != nil {
		return n, fmt.Errorf("read numbers of ethernet ports: %w", err)
	}
	known, err := parseNumbers(b)
	if err != nil {
		return n, fmt.Errorf("read %s: %w", n.file, err)
	}
	n.known = known
	return n, nil
}

func parseNumbers(b []byte) ([]numbered, error) {
	var known []numbered
	if err := json.Unmarshal(b, &known); err != nil {
		return nil, err
	}
	seen := map[int]bool{}
	for _, k := range known {
		if k.Number < 1 || seen[k.Number] {
			return nil, fmt.Errorf("port number %d is out of range or given twice", k.Number)
		}
		if _, err := ether.ParseMAC(k.MAC); err != nil {
			return nil, fmt.Errorf("port number %d: %w", k.Number, err)
		}
		seen[k.Number] = true
	}
	return known, nil
}

// save replaces the file.
func (n *numbers) save() error {
	if n.file == "" {
		return nil
	}
	b, err := json.MarshalIndent(n.known, "", " ")
	if err != nil {
		return fmt.Errorf("encode numbers of ethernet ports: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(n.file), 0o755); err != nil {
		return fmt.Errorf("make state directory: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(n.file), ".nics-*")
	if err != nil {
		return fmt.Errorf("write numbers of ethernet ports: %w", err)
	}
	_, err = f.Write(append(b, '\n'))
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), n.file)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write numbers of ethernet ports: %w", err), os.Remove(f.Name()))
	}
	return nil
}

// assign numbers the links of later into nics, which holds those numbered by
// name. links are all devices present. It reports whether a binding changed.
func (n *numbers) assign(nics map[int]link, later []link, links map[string]link) (changed bool) {
	for _, by := range []func(numbered, link) bool{
		func(k numbered, l link) bool { return k.MAC == l.mac.String() },
		func(k numbered, l link) bool { return k.Device == l.name && !l.permanent && !n.elsewhere(k, links) },
	} {
		later = slices.DeleteFunc(later, func(l link) bool {
			for i, k := range n.known {
				if _, taken := nics[k.Number]; taken || !by(k, l) {
					continue
				}
				nics[k.Number] = l
				now := numbered{k.Number, l.mac.String(), l.name}
				changed = changed || now != k
				n.known[i] = now
				return true
			}
			return false
		})
	}
	for _, l := range later {
		number := n.free(nics)
		nics[number] = l
		n.known = append(n.known, numbered{number, l.mac.String(), l.name})
		changed = true
	}
	return changed
}

// elsewhere reports whether the address of k belongs to a device that is here
// under another name.
func (n *numbers) elsewhere(k numbered, links map[string]link) bool {
	for _, l := range links {
		if l.name != k.Device && l.mac.String() == k.MAC {
			return true
		}
	}
	return false
}

// free returns the lowest number that was never given.
func (n *numbers) free(nics map[int]link) int {
	for number := 1; ; number++ {
		_, taken := nics[number]
		if !taken && !slices.ContainsFunc(n.known, func(k numbered) bool { return k.Number == number }) {
			return number
		}
	}
}
