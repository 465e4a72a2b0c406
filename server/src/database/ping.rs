//! Single-flight: however many ask at once whether the database answers, it is asked once.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};

use super::{Database, DatabaseError};

/// Whether a real query came back within the budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Connected,
    Disconnected,
}

type Flight = Shared<BoxFuture<'static, Verdict>>;

pub(crate) struct Ping {
    database: Arc<Database>,
    budget: Duration,
    flight: Mutex<Option<Flight>>,
}

impl Ping {
    pub(crate) fn new(database: Arc<Database>, budget: Duration) -> Self {
        Self { database, budget, flight: Mutex::new(None) }
    }

    pub(crate) async fn ask(&self) -> Verdict {
        let flight = {
            let mut current = self.flight.lock().unwrap_or_else(PoisonError::into_inner);
            match current.as_ref().filter(|flight| flight.peek().is_none()) {
                Some(flight) => flight.clone(),
                None => current.insert(self.launch()).clone(),
            }
        };
        flight.await
    }

    /// In a task of its own: a caller that goes away does not take the others' answer with it.
    fn launch(&self) -> Flight {
        let question = tokio::spawn(ask(Arc::clone(&self.database), self.budget));
        async move { question.await.unwrap_or(Verdict::Disconnected) }.boxed().shared()
    }
}

async fn ask(database: Arc<Database>, budget: Duration) -> Verdict {
    let attempt = || database.query_within(budget, "select 1", &[]);
    let answer = tokio::time::timeout(budget, async {
        match attempt().await {
            // A pooled connection may have died since its last use; that says nothing about the database.
            Err(DatabaseError::Connection(_)) => attempt().await,
            answer => answer,
        }
    });
    match answer.await.unwrap_or(Err(DatabaseError::Timeout)) {
        Ok(_) => Verdict::Connected,
        Err(error) => {
            tracing::warn!(class = error.class(), "the database does not answer");
            Verdict::Disconnected
        }
    }
}
