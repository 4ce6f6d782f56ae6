//! A waker of its own for what seldom wakes a task, so that this need not be polled whenever the task is.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Wake, Waker};

/// Futures beside a task's main one.
pub(super) struct Aside {
    bell: Arc<Bell>,
    waker: Waker,
    /// The task's waker that the bell knows.
    task: Option<Waker>,
}

struct Bell {
    rung: AtomicBool,
    task: Mutex<Option<Waker>>,
}

impl Aside {
    /// They are called from the start: each must be polled once to be heard.
    pub(super) fn new() -> Self {
        let bell = Arc::new(Bell { rung: AtomicBool::new(true), task: Mutex::new(None) });
        Self { waker: Waker::from(Arc::clone(&bell)), bell, task: None }
    }

    /// Whether one of them has woken the task of `context` since the last question.
    pub(super) fn is_called(&mut self, context: &Context<'_>) -> bool {
        if !self.task.as_ref().is_some_and(|task| task.will_wake(context.waker())) {
            self.task = Some(context.waker().clone());
            *self.bell.task.lock().unwrap_or_else(PoisonError::into_inner) = Some(context.waker().clone());
        }
        self.bell.rung.load(Ordering::Relaxed) && self.bell.rung.swap(false, Ordering::AcqRel)
    }

    /// The context to poll them with.
    pub(super) fn context(&self) -> Context<'_> {
        Context::from_waker(&self.waker)
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.rung.store(true, Ordering::Release);
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(task) = task.as_ref() {
            task.wake_by_ref();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Count(std::sync::atomic::AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn a_call_wakes_the_task_and_is_heard_once() {
        let count = Arc::new(Count(std::sync::atomic::AtomicUsize::new(0)));
        let waker = Waker::from(Arc::clone(&count));
        let task = Context::from_waker(&waker);
        let mut aside = Aside::new();
        assert!(aside.is_called(&task), "from the start");
        assert!(!aside.is_called(&task));
        aside.context().waker().wake_by_ref();
        assert_eq!(count.0.load(Ordering::SeqCst), 1);
        assert!(aside.is_called(&task));
        assert!(!aside.is_called(&task));
    }
}
