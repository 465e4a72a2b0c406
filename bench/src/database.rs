//! The peers' database: a pool of the production profile's size, queried for every answer.

use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};
use tokio_postgres::{Config, NoTls};

/// Set for a peer that pings each connection before its use.
pub const PING_FIRST: &str = "PING_FIRST";

pub fn pool() -> Pool {
    let url = std::env::var("DATABASE_URL").expect("DATABASE_URL says where the database is");
    let config: Config = url.parse().expect("DATABASE_URL is a URL");
    let recycling_method = match std::env::var_os(PING_FIRST) {
        Some(_) => RecyclingMethod::Verified,
        None => RecyclingMethod::Fast,
    };
    Pool::builder(Manager::from_config(config, NoTls, ManagerConfig { recycling_method }))
        .max_size(12)
        .runtime(Runtime::Tokio1)
        .build()
        .expect("it has a runtime for its timeouts")
}

pub async fn is_connected(pool: &Pool) -> bool {
    match pool.get().await {
        Ok(client) => client.simple_query("SELECT 1").await.is_ok(),
        Err(_) => false,
    }
}
