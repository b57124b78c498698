//! Elements in the order of their scores, and of their members where scores are equal: a counted B+tree.
//! Promises: finding, adding and removing by place or by value takes time that grows with the logarithm of the number of
//! elements; no operation moves more than a node on each level. What nodes take is known to the byte.
//! Leaves to `large`: that no member is there twice. What the members themselves take is counted there.
//!
//! ```text
//!   inner node: for each child: a lower bound of its elements, how many they are, the child     at most 32
//!   leaf: elements                                                                              at most 64
//! ```
//!
//! A bound is above all elements of the child before it. The bound of a first child is never looked at, and may be wrong.

use std::ops::Range;
use std::sync::Arc;

use crate::Score;
use crate::keyspace::memory::class_bytes;

const LEAF_MAX: usize = 64;
const INNER_MAX: usize = 32;
/// What a node has room for at first.
const ROOM_MIN: usize = 4;

/// An element. The member is shared with the table that finds its score.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Element {
    pub(super) score: Score,
    pub(super) member: Arc<[u8]>,
}

/// All elements.
#[derive(Debug)]
pub(super) struct Order {
    root: Node,
    nodes_bytes: usize,
}

#[derive(Debug)]
enum Node {
    Leaf(Vec<Element>),
    Inner(Vec<Child>),
}

#[derive(Debug)]
struct Child {
    bound: Element,
    len: usize,
    node: Node,
}

impl Order {
    pub(super) fn new() -> Self {
        Self {
            root: Node::Leaf(Vec::new()),
            nodes_bytes: 0,
        }
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.nodes_bytes
    }

    /// How many elements are before the first for which this no longer holds. It must hold for none behind that.
    pub(super) fn count_while(&self, holds: impl Fn(Score, &[u8]) -> bool) -> usize {
        let holds = |element: &Element| holds(element.score, &element.member);
        let (mut node, mut before) = (&self.root, 0);
        loop {
            match node {
                Node::Leaf(elements) => return before + elements.partition_point(holds),
                Node::Inner(children) => {
                    let at = child_by(children, holds);
                    before += children[..at].iter().map(|child| child.len).sum::<usize>();
                    node = &children[at].node;
                }
            }
        }
    }

    /// Elements from a rank on: those of its leaf.
    pub(super) fn starting_at(&self, rank: usize) -> &[Element] {
        let (leaf, at) = self.leaf(rank);
        leaf.get(at..).unwrap_or(&[])
    }

    /// Elements up to a rank, which is included: those of its leaf.
    pub(super) fn ending_at(&self, rank: usize) -> &[Element] {
        let (leaf, at) = self.leaf(rank);
        leaf.get(..=at).unwrap_or(&[])
    }

    /// The elements of these ranks, from both ends.
    pub(super) fn range(&self, ranks: Range<usize>) -> Ranks<'_> {
        Ranks {
            order: self,
            ranks,
            front: [].iter(),
            back: [].iter(),
        }
    }

    fn leaf(&self, rank: usize) -> (&[Element], usize) {
        let (mut node, mut rank) = (&self.root, rank);
        loop {
            match node {
                Node::Leaf(elements) => return (elements, rank),
                Node::Inner(children) => match child_at(children, rank) {
                    Some((at, rest)) => (node, rank) = (&children[at].node, rest),
                    None => return (&[], 0),
                },
            }
        }
    }

    /// Adds an element that is not there yet.
    pub(super) fn insert(&mut self, element: Element) {
        if let Some(right) = self.root.insert(element, &mut self.nodes_bytes) {
            let left = Child::of(std::mem::replace(&mut self.root, Node::Inner(Vec::new())));
            if let Node::Inner(children) = &mut self.root {
                for child in left.into_iter().chain([right]) {
                    put(children, children.len(), INNER_MAX, child, &mut self.nodes_bytes);
                }
            }
        }
    }

    /// Takes out the element of this rank.
    pub(super) fn remove_at(&mut self, rank: usize) -> Option<Element> {
        let removed = self.root.remove_at(rank, &mut self.nodes_bytes)?;
        while let Node::Inner(children) = &mut self.root
            && children.len() <= 1
        {
            let only = children.pop();
            self.nodes_bytes -= room_bytes(children);
            self.root = only.map_or(Node::Leaf(Vec::new()), |child| child.node);
        }
        Some(removed)
    }

    /// Bytes of all nodes, counted anew, and whether everything stands where it belongs.
    #[cfg(test)]
    pub(super) fn recount(&self) -> usize {
        self.root.recount()
    }
}

/// Elements of some ranks, read leaf by leaf from both ends.
#[derive(Debug, Clone)]
pub(super) struct Ranks<'a> {
    order: &'a Order,
    /// Those that were not shown yet.
    ranks: Range<usize>,
    front: std::slice::Iter<'a, Element>,
    back: std::slice::Iter<'a, Element>,
}

impl<'a> Iterator for Ranks<'a> {
    type Item = &'a Element;

    fn next(&mut self) -> Option<&'a Element> {
        let rank = self.ranks.next()?;
        if self.front.as_slice().is_empty() {
            self.front = self.order.starting_at(rank).iter();
        }
        self.front.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.ranks.size_hint()
    }
}

impl DoubleEndedIterator for Ranks<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        let rank = self.ranks.next_back()?;
        if self.back.as_slice().is_empty() {
            self.back = self.order.ending_at(rank).iter();
        }
        self.back.next_back()
    }
}

impl ExactSizeIterator for Ranks<'_> {}

impl Node {
    /// How many elements or children it has, and may have.
    fn width(&self) -> (usize, usize) {
        match self {
            Self::Leaf(elements) => (elements.len(), LEAF_MAX),
            Self::Inner(children) => (children.len(), INNER_MAX),
        }
    }

    fn is_narrow(&self) -> bool {
        let (width, max) = self.width();
        width < max / 4
    }

    /// Adds an element. If that is too much for the node, its upper part comes out.
    fn insert(&mut self, element: Element, bytes: &mut usize) -> Option<Child> {
        match self {
            Self::Leaf(elements) => {
                let at = elements.partition_point(|other| *other < element);
                put_or_split(elements, at, LEAF_MAX, element, bytes).and_then(|upper| Child::of(Self::Leaf(upper)))
            }
            Self::Inner(children) => {
                let at = child_by(children, |bound| *bound <= element);
                let child = &mut children[at];
                child.len += 1;
                let upper = child.node.insert(element, bytes)?;
                child.len -= upper.len;
                put_or_split(children, at + 1, INNER_MAX, upper, bytes).and_then(|upper| Child::of(Self::Inner(upper)))
            }
        }
    }

    fn remove_at(&mut self, rank: usize, bytes: &mut usize) -> Option<Element> {
        match self {
            Self::Leaf(elements) => (rank < elements.len()).then(|| take(elements, rank, bytes)),
            Self::Inner(children) => {
                let (at, rest) = child_at(children, rank)?;
                let child = &mut children[at];
                let removed = child.node.remove_at(rest, bytes)?;
                child.len -= 1;
                if child.len == 0 {
                    *bytes -= child.node.room_bytes();
                    take(children, at, bytes);
                } else if child.node.is_narrow() {
                    join(children, at, bytes);
                }
                Some(removed)
            }
        }
    }

    fn room_bytes(&self) -> usize {
        match self {
            Self::Leaf(elements) => room_bytes(elements),
            Self::Inner(children) => room_bytes(children),
        }
    }

    /// The first element and the last.
    #[cfg(test)]
    fn outermost(&self) -> (&Element, &Element) {
        match self {
            Self::Leaf(elements) => (&elements[0], &elements[elements.len() - 1]),
            Self::Inner(children) => {
                let (first, last) = (&children[0].node, &children[children.len() - 1].node);
                (first.outermost().0, last.outermost().1)
            }
        }
    }

    #[cfg(test)]
    fn recount(&self) -> usize {
        let below = match self {
            Self::Leaf(elements) => {
                assert!(elements.is_sorted(), "elements are out of order");
                0
            }
            Self::Inner(children) => {
                assert!(!children.is_empty() && children.len() <= INNER_MAX);
                for pair in children.windows(2) {
                    let (before, bound) = (pair[0].node.outermost().1, &pair[1].bound);
                    assert!(
                        before < bound && bound <= pair[1].node.outermost().0,
                        "a bound is wrong"
                    );
                }
                children.iter().map(|child| child.recount()).sum()
            }
        };
        below + self.room_bytes()
    }
}

impl Child {
    /// `None`: it has no elements.
    fn of(node: Node) -> Option<Self> {
        let (bound, len) = match &node {
            Node::Leaf(elements) => (elements.first()?.clone(), elements.len()),
            Node::Inner(children) => (
                children.first()?.bound.clone(),
                children.iter().map(|child| child.len).sum(),
            ),
        };
        Some(Self { bound, len, node })
    }

    #[cfg(test)]
    fn recount(&self) -> usize {
        let len: usize = match &self.node {
            Node::Leaf(elements) => elements.len(),
            Node::Inner(children) => children.iter().map(|child| child.len).sum(),
        };
        assert!(
            len == self.len && len > 0,
            "a child of {len} is counted as {}",
            self.len
        );
        self.node.recount()
    }
}

/// The last child whose bound is as wanted, or the first.
fn child_by(children: &[Child], wanted: impl Fn(&Element) -> bool) -> usize {
    children
        .get(1..)
        .map_or(0, |others| others.partition_point(|child| wanted(&child.bound)))
}

/// The child with the element of this rank, and its rank there.
fn child_at(children: &[Child], rank: usize) -> Option<(usize, usize)> {
    let mut rest = rank;
    for (at, child) in children.iter().enumerate() {
        if rest < child.len {
            return Some((at, rest));
        }
        rest -= child.len;
    }
    None
}

/// Joins a narrow child with a neighbour, if the two are not nearly too much for one.
fn join(children: &mut Vec<Child>, at: usize, bytes: &mut usize) {
    let fits = |left: &usize| {
        let (Some(one), Some(other)) = (children.get(*left), children.get(*left + 1)) else {
            return false;
        };
        let ((one, max), (other, _)) = (one.node.width(), other.node.width());
        one + other <= max * 3 / 4
    };
    let pairs = [at.checked_sub(1), Some(at)];
    let Some(left) = pairs.into_iter().flatten().find(fits) else {
        return;
    };
    let right = take(children, left + 1, bytes);
    let child = &mut children[left];
    child.len += right.len;
    match (&mut child.node, right.node) {
        (Node::Leaf(elements), Node::Leaf(more)) => append(elements, LEAF_MAX, more, bytes),
        (Node::Inner(grandchildren), Node::Inner(mut more)) => {
            // It is no first child any more, so its bound is looked at from now on.
            if let Some(first) = more.first_mut() {
                first.bound = right.bound;
            }
            append(grandchildren, INNER_MAX, more, bytes);
        }
        // All leaves lie equally deep.
        (Node::Leaf(_), Node::Inner(_)) | (Node::Inner(_), Node::Leaf(_)) => {}
    }
}

/// Puts something into a node, or splits the node first and gives its upper part. What comes in order, up or down, leaves
/// full nodes behind.
fn put_or_split<T>(node: &mut Vec<T>, at: usize, max: usize, new: T, bytes: &mut usize) -> Option<Vec<T>> {
    if node.len() < max {
        put(node, at, max, new, bytes);
        return None;
    }
    let split = match at {
        0 => 0,
        at if at == node.len() => at,
        _ => max / 2,
    };
    let before = room_bytes(node);
    let mut upper = node.split_off(split);
    *bytes = *bytes - before + room_bytes(node) + room_bytes(&upper);
    if at > split || at == max {
        put(&mut upper, at - split, max, new, bytes);
    } else {
        put(node, at, max, new, bytes);
    }
    Some(upper)
}

fn put<T>(node: &mut Vec<T>, at: usize, max: usize, new: T, bytes: &mut usize) {
    let before = room_bytes(node);
    if node.len() == node.capacity() {
        let room = (node.len() * 2).clamp(ROOM_MIN, max);
        node.reserve_exact(room - node.len());
    }
    node.insert(at, new);
    *bytes = *bytes - before + room_bytes(node);
}

fn take<T>(node: &mut Vec<T>, at: usize, bytes: &mut usize) -> T {
    let before = room_bytes(node);
    let taken = node.remove(at);
    if node.len() < node.capacity() / 4 {
        node.shrink_to((node.len() * 2).max(ROOM_MIN));
    }
    *bytes = *bytes - before + room_bytes(node);
    taken
}

fn append<T>(node: &mut Vec<T>, max: usize, more: Vec<T>, bytes: &mut usize) {
    let before = room_bytes(node) + room_bytes(&more);
    if node.len() + more.len() > node.capacity() {
        node.reserve_exact(max - node.len());
    }
    node.extend(more);
    *bytes = *bytes - before + room_bytes(node);
}

fn room_bytes<T>(node: &Vec<T>) -> usize {
    class_bytes(node.capacity() * size_of::<T>())
}
