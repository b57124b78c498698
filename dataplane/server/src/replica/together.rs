//! The replicas of a worker, as they come and go.
//! Promises: whoever keeps a list sees no change in it; who is taken out takes no other along.

use std::cell::RefCell;
use std::rc::Rc;

use tokio::sync::watch;

use super::Replica;

/// See the top of the file.
#[derive(Debug, Default)]
pub(crate) struct Replicas {
    all: RefCell<Vec<Rc<Replica>>>,
    changed: watch::Sender<()>,
}

impl Replicas {
    /// These.
    #[cfg(test)]
    pub(crate) fn of(all: Vec<Rc<Replica>>) -> Rc<Self> {
        Rc::new(Self {
            all: RefCell::new(all),
            changed: watch::Sender::default(),
        })
    }

    /// Those that are there now.
    pub(crate) fn list(&self) -> Vec<Rc<Replica>> {
        self.all.borrow().clone()
    }

    pub(crate) fn add(&self, replica: &Rc<Replica>) {
        self.all.borrow_mut().push(Rc::clone(replica));
        self.tell_change();
    }

    pub(crate) fn remove(&self, replica: &Rc<Replica>) {
        self.all.borrow_mut().retain(|other| !Rc::ptr_eq(other, replica));
        self.tell_change();
    }

    /// Something of them is another: what was made of the list is to be made anew.
    pub(crate) fn tell_change(&self) {
        self.changed.send_replace(());
    }

    /// Resolves when they have changed.
    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }
}
