//! Statements that all take effect or none, behind a pooler with fewer connections than clients.

use futures_util::FutureExt as _;
use futures_util::future::join_all;
use http::{Method, StatusCode};
use server::database::DatabaseError;
use server::{Context, Handler, Refusal, Reply, Route, RouteKind, Running, Served};
use testkit::{PgBouncer, Postgres};
use tokio_postgres::types::{ToSql, Type};

use crate::support::{get, production, serve_with, until};

/// Moves one from an account to another; the path chooses the step in between and the end.
const MOVE: Route = Route {
    path: |_| "/move/{how}",
    methods: &[(Method::GET, Handler::Async(|context| transfer(context).boxed()))],
    served: Served::Always,
    kind: RouteKind::Api,
    summary: "Moves one from the left to the right.",
};
static ROUTES: &[&Route] = &[&MOVE];

async fn transfer(context: Context) -> Result<Reply, Refusal> {
    let how = context.parameter("how").expect("the path has it").to_owned();
    let one: &(dyn ToSql + Sync) = &1_i32;
    let one = [(one, Type::INT4)];
    let mut transaction = context.database().begin().await?;
    transaction.execute("update accounts set amount = amount - $1 where name = 'left'", &one).await?;
    match how.as_str() {
        "forgets" => return Ok(Reply::empty(StatusCode::ACCEPTED)),
        "fails" => {
            transaction.execute("insert into accounts values ('left', 0)", &[]).await?;
        }
        "ignores" => {
            let refused = transaction.execute("insert into accounts values ('left', 0)", &[]).await;
            assert!(matches!(refused, Err(DatabaseError::Statement(_))), "{refused:?}");
        }
        "sleeps" => {
            transaction.query("select pg_sleep(20)", &[]).await?;
        }
        _ => {}
    }
    if how != "ignores" {
        transaction.execute("update accounts set amount = amount + $1 where name = 'right'", &one).await?;
    }
    transaction.commit().await?;
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}

struct Bank {
    service: Running,
    postgres: Postgres,
    _bouncer: PgBouncer,
}

impl Bank {
    async fn open() -> Self {
        let postgres = Postgres::start().unwrap();
        postgres.ask("create table accounts (name text primary key, amount int)");
        postgres.ask("insert into accounts values ('left', 1000), ('right', 0)");
        let bouncer = PgBouncer::before(&postgres, &["default_pool_size = 2"]).unwrap();
        let hasty = production(&[
            ("request_timeout = \"10s\"", "request_timeout = \"2s\""),
            ("body_timeout = \"8s\"", "body_timeout = \"2s\""),
        ]);
        let service = serve_with(&hasty, &bouncer.url(), ROUTES).await;
        Self { service, postgres, _bouncer: bouncer }
    }

    async fn transfer(&self, how: &str) -> u16 {
        get(self.service.local_addr(), &format!("/move/{how}")).await.status
    }

    fn accounts(&self) -> String {
        self.postgres.ask("select string_agg(amount::text, ' ' order by name) from accounts")
    }

    /// Whether a server connection is still in a transaction.
    async fn is_idle(&self) {
        let held = "select count(*) from pg_stat_activity where state like 'idle in transaction%' or state = 'active' \
                    and pid <> pg_backend_pid()";
        until(async || self.postgres.ask(held) == "0").await;
    }
}

#[tokio::test]
async fn what_is_committed_counts_whole_however_many_commit_at_once() {
    let bank = Bank::open().await;
    let moved = join_all((0..40).map(|_| bank.transfer("at-once"))).await;
    assert_eq!(moved, [204; 40]);
    assert_eq!(bank.accounts(), "960 40");
}

#[tokio::test]
async fn what_is_not_committed_counts_not_at_all_and_keeps_its_connection() {
    let bank = Bank::open().await;
    for (how, status) in [("forgets", 202), ("fails", 500), ("ignores", 500)] {
        let answers = join_all((0..4).map(|_| bank.transfer(how))).await;
        assert_eq!(answers, [status; 4], "{how}");
        bank.is_idle().await;
        assert_eq!(bank.accounts(), "1000 0", "{how}");
    }
    assert_eq!(bank.transfer("well").await, 204);
    assert_eq!(bank.accounts(), "999 1");
}

#[tokio::test]
async fn a_transaction_cut_by_its_deadline_is_cancelled_and_rolled_back() {
    let bank = Bank::open().await;
    assert_eq!(bank.transfer("sleeps").await, 503);
    bank.is_idle().await;
    assert_eq!(bank.accounts(), "1000 0");
    assert_eq!(bank.transfer("well").await, 204);
}
