//! Gathers what many ask at the same moment into one piece of work. While that is under way the next ones collect, so
//! the more is asked, the more is done at once; somebody who comes alone does not wait for company. Refuses to know what
//! is asked.

use std::sync::Arc;

use futures::future::BoxFuture;
use tokio::sync::{Mutex, mpsc, oneshot};

/// Questions that may wait.
const QUEUE: usize = 8192;

/// How much is done at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    /// Questions of one piece of work at most.
    pub(crate) together: usize,
    /// Pieces of work at the same time.
    pub(crate) at_once: usize,
}

/// Where questions go in.
pub(crate) struct Gather<Q, A>(mpsc::Sender<(Q, oneshot::Sender<A>)>);

impl<Q: Send + Sync + 'static, A: Send + 'static> Gather<Q, A> {
    /// Starts it; it works as long as it is kept. The work answers in the order of the questions; whom it leaves out
    /// gets no answer.
    pub(crate) fn start<W>(size: Size, work: W) -> Self
    where
        W: Fn(Arc<Vec<Q>>) -> BoxFuture<'static, Vec<A>> + Clone + Send + Sync + 'static,
    {
        let (queue, waiting) = mpsc::channel::<(Q, oneshot::Sender<A>)>(QUEUE);
        let waiting = Arc::new(Mutex::new(waiting));
        for _ in 0..size.at_once {
            let (waiting, work) = (Arc::clone(&waiting), work.clone());
            tokio::spawn(async move {
                loop {
                    let mut group = Vec::new();
                    if waiting.lock().await.recv_many(&mut group, size.together).await == 0 {
                        return;
                    }
                    let (asked, replies): (Vec<Q>, Vec<_>) = group.into_iter().unzip();
                    for (reply, answer) in replies.into_iter().zip(work(Arc::new(asked)).await) {
                        // Whoever asked may be gone; the work is done all the same.
                        let _ = reply.send(answer);
                    }
                }
            });
        }
        Gather(queue)
    }

    /// The answer, or none if there is too much to do or the work left the question out.
    pub(crate) async fn ask(&self, question: Q) -> Option<A> {
        let (reply, answer) = oneshot::channel();
        self.0.try_send((question, reply)).ok()?;
        answer.await.ok()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn what_is_asked_meanwhile_is_done_together() {
        let size = Size { together: 3, at_once: 1 };
        let gather = Gather::start(size, |asked: Arc<Vec<u32>>| {
            Box::pin(async move {
                tokio::time::sleep(Duration::from_millis(50)).await;
                asked.iter().map(|one| (*one, asked.len())).collect()
            })
        });
        let asked = (0..5).map(|one| gather.ask(one));
        let answers: Vec<_> = futures::future::join_all(asked).await.into_iter().flatten().collect();
        assert_eq!(answers, [(0, 3), (1, 3), (2, 3), (3, 2), (4, 2)]);
    }

    #[tokio::test]
    async fn whom_the_work_leaves_out_hears_so() {
        let gather = Gather::start(Size { together: 8, at_once: 1 }, |_: Arc<Vec<u32>>| Box::pin(async { vec![1] }));
        let (one, two) = tokio::join!(gather.ask(1), gather.ask(2));
        assert_eq!((one, two), (Some(1), None));
    }
}
