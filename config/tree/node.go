package tree

// Tree is an immutable tree; the zero value is empty.
type Tree struct{ root *node }

type node struct{}
