//! One exchange: a request's head and body to the endpoint, its answer back.
//!
//! The first poll takes the way of nearly every request without waiting: the body came together with the head, and
//! often the endpoint answers at once, or once the thread's other tasks have had a turn, whose records share a write with
//! this one's. Only what has to wait for longer is put into a future on the heap, with a timer. The exchange itself stays
//! small, since the HTTP library moves it about for each request.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::request::Parts;
use http::{Request, Response};
use hyper::body::Incoming;

use super::AnswerBody;
use super::body::FirstSight;
use super::refusal::Refusal;
use super::service::{Frame, Front};
use super::shield::Work;
use crate::listen::{Held, Underway};

/// A request on its way to its answer.
pub(crate) struct Exchange {
    front: Arc<Front>,
    state: State,
}

enum State {
    Begun(Begun),
    Again(Again),
    Waiting(Waiting),
    Ended,
}

struct Begun {
    underway: Underway,
    id: Option<String>,
    request: Request<Incoming>,
}

/// Work that was not done at its first turn, and will have a second one at once.
struct Again {
    underway: Underway,
    frame: Frame,
    work: Work,
}

type Waiting = Pin<Box<dyn Future<Output = Response<AnswerBody>> + Send>>;

impl Exchange {
    pub(super) fn new(front: Arc<Front>, underway: Underway, id: Option<String>, request: Request<Incoming>) -> Self {
        Self { front, state: State::Begun(Begun { underway, id, request }) }
    }
}

impl Future for Exchange {
    type Output = Result<Response<AnswerBody>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut waiting = match std::mem::replace(&mut self.state, State::Ended) {
            State::Begun(begun) => match begin(&self.front, begun, context) {
                Begin::Answered(response) => return Poll::Ready(Ok(response)),
                Begin::Again(again) => {
                    // Nobody else wakes it when it only let others go first.
                    context.waker().wake_by_ref();
                    self.state = State::Again(again);
                    return Poll::Pending;
                }
                Begin::Waits(waiting) => waiting,
            },
            State::Again(Again { underway, frame, mut work }) => match work.poll(context) {
                Poll::Ready(done) => {
                    let answer = self.front.done(&frame, done);
                    return Poll::Ready(Ok(self.front.finish(&underway.line, frame, answer)));
                }
                Poll::Pending => Box::pin(wait(Arc::clone(&self.front), underway, frame, work)),
            },
            State::Waiting(waiting) => waiting,
            State::Ended => return Poll::Pending,
        };
        match waiting.as_mut().poll(context) {
            Poll::Ready(response) => Poll::Ready(Ok(response)),
            Poll::Pending => {
                self.state = State::Waiting(waiting);
                Poll::Pending
            }
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if let State::Again(again) = std::mem::replace(&mut self.state, State::Ended) {
            self.front.go_on(again.work);
        }
    }
}

/// How far an exchange comes without waiting.
enum Begin {
    Answered(Response<AnswerBody>),
    Again(Again),
    Waits(Waiting),
}

fn begin(front: &Arc<Front>, begun: Begun, context: &mut Context<'_>) -> Begin {
    let Begun { underway, id, request } = begun;
    let (parts, mut body) = request.into_parts();
    let frame = front.frame(&parts, id.as_deref());
    let Some(id) = id else {
        return Begin::Answered(front.finish(&underway.line, frame, Refusal::Failed.answer()));
    };
    if let Some(answer) = front.answer_by_head(&underway.line, &parts, &frame) {
        return Begin::Answered(front.finish(&underway.line, frame, answer));
    }
    let work = match front.first_sight(&underway.line, &mut body, context) {
        Ok(FirstSight::Part(first)) => {
            let request = Head { id, parts };
            return Begin::Waits(Box::pin(gather_and_work(Arc::clone(front), underway, frame, request, first, body)));
        }
        Ok(FirstSight::Whole(body)) => {
            front.work(&underway.line, Held::of_body(&underway.line), &frame, id, parts, body)
        }
        Err(refusal) => Err(refusal),
    };
    let mut work = match work {
        Ok(work) => work,
        Err(refusal) => return Begin::Answered(front.finish(&underway.line, frame, refusal.answer())),
    };
    match work.poll(context) {
        Poll::Ready(done) => {
            let answer = front.done(&frame, done);
            Begin::Answered(front.finish(&underway.line, frame, answer))
        }
        Poll::Pending => Begin::Again(Again { underway, frame, work }),
    }
}

struct Head {
    id: String,
    parts: Parts,
}

/// Waits for the rest of the body, then for the endpoint.
async fn gather_and_work(
    front: Arc<Front>,
    underway: Underway,
    frame: Frame,
    head: Head,
    first: Option<Bytes>,
    body: Incoming,
) -> Response<AnswerBody> {
    let mut held = Held::of_body(&underway.line);
    let gathered = front.gather(&head.parts, first, body, &mut held).await;
    match gathered.and_then(|body| front.work(&underway.line, held, &frame, head.id, head.parts, body)) {
        Ok(work) => wait(front, underway, frame, work).await,
        Err(refusal) => front.finish(&underway.line, frame, refusal.answer()),
    }
}

/// Waits for the endpoint.
async fn wait(front: Arc<Front>, underway: Underway, frame: Frame, work: Work) -> Response<AnswerBody> {
    let answer = front.wait(&frame, work).await;
    front.finish(&underway.line, frame, answer)
}
