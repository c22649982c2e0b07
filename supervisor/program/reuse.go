package program

import (
	"slices"

	"trunkline/config/tree"
	"trunkline/feature"
)

// reuse says what of an earlier tree's programs holds for a tree: the sections of
// slots whose ports, with what they inherit, are as they were, by the features
// whose reads are. It costs what differs.
type reuse struct {
	from  *compiled
	dirty map[int]bool    // slots whose ports changed
	same  map[string]bool // features that read nothing that changed
}

// reused compares two trees.
func reused(features []feature.Feature, from, to *compiled) *reuse {
	was, now := from.tree, to.tree
	r := &reuse{from: from, dirty: dirtySlots(was, now), same: map[string]bool{}}
	if from.inband != to.inband || r.dirty[0] { // an SVI is on no slot by configuration
		r.dirty[from.inband], r.dirty[to.inband] = true, true
	}
	for _, f := range features {
		if f.Compile == nil || f.Reads == nil || f.Enabled(was) != f.Enabled(now) {
			continue
		}
		r.same[f.Name] = !slices.ContainsFunc(f.Reads, func(p tree.Path) bool { return !was.Sub(p).Equal(now.Sub(p)) })
	}
	return r
}

// section returns a feature's section of a slot, nil for none, if it still holds.
func (r *reuse) section(f feature.Feature, slot int) (data []byte, ok bool) {
	if r == nil || r.dirty[slot] || !r.same[f.Name] {
		return nil, false
	}
	r.from.mu.Lock()
	result := r.from.results[slot]
	r.from.mu.Unlock()
	if result == nil || !result.done.Load() || len(result.problems) > 0 {
		return nil, false
	}
	return result.sections[f.Name], true
}

// dirtySlots returns the slots of which ports came, went or changed, or inherit a
// port-profile that did, all the way up.
func dirtySlots(was, now tree.Tree) map[int]bool {
	dirty := map[int]bool{}
	if feature.FrontPanel(was) != feature.FrontPanel(now) {
		for slot := 1; slot <= feature.MaxModule; slot++ {
			dirty[slot] = true
		}
		return dirty
	}
	mark := func(port string) {
		dirty[feature.SlotOf(was, port)] = true
		dirty[feature.SlotOf(now, port)] = true
	}
	for c := range tree.Diff(was.Sub(feature.InterfacesRoot), now.Sub(feature.InterfacesRoot)) {
		mark(c.Path[0].Key)
	}
	profiles := map[string]bool{}
	for c := range tree.Diff(was.Sub(feature.ProfilesRoot), now.Sub(feature.ProfilesRoot)) {
		profiles[c.Path[0].Key] = true
	}
	for port := range feature.Heirs(now, profiles) {
		mark(port)
	}
	return dirty
}
