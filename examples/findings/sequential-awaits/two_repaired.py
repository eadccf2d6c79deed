"""A page that shows a customer's profile, orders and invoices, fetched at once."""

import asyncio
import time


class Store:
    """Slow storage: a remote service, a blocking library in a thread, and pages of which each leads to the next."""

    async def profile(self, customer: int) -> str:
        await asyncio.sleep(0.9)
        return f"customer {customer}"

    async def orders(self, customer: int) -> list[int]:
        return await asyncio.to_thread(self._read_orders, customer)

    async def invoices(self, customer: int) -> list[str]:
        pages = [await self._invoice_page(customer, None)]
        pages.append(await self._invoice_page(customer, pages[0]))
        return pages

    async def _invoice_page(self, customer: int, after: str | None) -> str:
        await asyncio.sleep(0.5)
        return f"{customer} after {after}" if after else f"{customer}"

    def _read_orders(self, customer: int) -> list[int]:
        time.sleep(1.0)
        return [customer, customer + 1]


async def show_page(store: Store, customer: int) -> str:
    profile, orders, invoices = await asyncio.gather(
        store.profile(customer), store.orders(customer), store.invoices(customer)
    )
    return f"{profile}: orders {orders}, invoices {invoices}"


print(asyncio.run(show_page(Store(), 42)))
