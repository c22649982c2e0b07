// Package layers holds the dependency rules of the product (architecture §2)
// as a test. It has no code of its own.
package layers
