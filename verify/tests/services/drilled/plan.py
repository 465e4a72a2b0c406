"""A FastAPI service by the user's plan of 2025-12-31, in the usual style.

What the plan states is here (the pool's numbers, a health check with a real query, two origins, no fallback for
secrets, no docs in production, the Procfile's command); where it is silent, the frameworks' defaults are.

    uvicorn --app-dir verify/tests/services/drilled plan:app --host 0.0.0.0 --port $PORT
"""

import os
from contextlib import asynccontextmanager
from datetime import datetime, timezone
from typing import Annotated, Literal

from fastapi import Depends, FastAPI
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from sqlalchemy import select, text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

# config.py

DATABASE_URL = os.environ["DATABASE_URL"]
JWT_SECRET = os.environ["JWT_SECRET"]
ENVIRONMENT = os.getenv("ENVIRONMENT", "development")
PRODUCTION = ENVIRONMENT == "production"
CORS_ORIGINS = ["https://app.example.com", "https://www.example.org"]

# database.py


def asyncpg_url(given):
    """asyncpg knows neither `sslmode` nor `channel_binding`: they become its argument `ssl`."""
    url = make_url(given).set(drivername="postgresql+asyncpg")
    encrypted = url.query.get("sslmode", "disable") != "disable"
    return url.set(query={}), {"ssl": "require"} if encrypted else {}


database_url, connect_args = asyncpg_url(DATABASE_URL)

engine = create_async_engine(
    database_url,
    pool_size=10,  # Neon recommended for serverless
    max_overflow=2,  # burst capacity
    pool_pre_ping=True,  # verify connections
    pool_recycle=3600,  # recycle connections hourly
    echo=False,
    connect_args=connect_args,
)
new_session = async_sessionmaker(engine, expire_on_commit=False)


async def get_session():
    async with new_session() as session:
        yield session


Session = Annotated[AsyncSession, Depends(get_session)]


class Base(DeclarativeBase):
    pass


class Item(Base):
    __tablename__ = "items"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]


# main.py


@asynccontextmanager
async def lifespan(_app):
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    yield
    await engine.dispose()


app = FastAPI(
    lifespan=lifespan,
    docs_url=None if PRODUCTION else "/docs",
    redoc_url=None if PRODUCTION else "/redoc",
    openapi_url=None if PRODUCTION else "/openapi.json",
)

app.add_middleware(
    CORSMiddleware,
    allow_origins=CORS_ORIGINS,
    allow_credentials=True,
    allow_methods=["GET", "POST", "PUT", "DELETE"],
    allow_headers=["Authorization", "Content-Type"],
)


class Health(BaseModel):
    status: Literal["ok", "unhealthy"]
    database: Literal["connected", "disconnected"]
    environment: str
    timestamp: datetime


class NewItem(BaseModel):
    title: str


class StoredItem(NewItem):
    id: int


@app.get("/health")
async def health(session: Session):
    try:
        await session.execute(text("SELECT 1"))
        connected = True
    except Exception:
        connected = False
    report = Health(
        status="ok" if connected else "unhealthy",
        database="connected" if connected else "disconnected",
        environment=ENVIRONMENT,
        timestamp=datetime.now(timezone.utc),
    )
    return JSONResponse(report.model_dump(mode="json"), status_code=200 if connected else 503)


@app.get("/api/items")
async def list_items(session: Session) -> list[StoredItem]:
    found = await session.scalars(select(Item).order_by(Item.id.desc()).limit(20))
    return [StoredItem(id=item.id, title=item.title) for item in found]


@app.post("/api/items", status_code=201)
async def create_item(new: NewItem, session: Session) -> StoredItem:
    item = Item(title=new.title)
    session.add(item)
    await session.commit()
    return StoredItem(id=item.id, title=item.title)
