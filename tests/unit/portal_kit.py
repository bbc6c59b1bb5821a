"""What the tests of the sandbox portal share: good records, a raw client, a portal that serves for one test."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from lienthong.sandbox.portal_options import PortalOptions
from lienthong.sandbox.portal_server import Running, running_portal

USER, PASSWORD, TOKEN = "daklak", "mat-khau-thu", "khoa-dieu-khien"
CODE = "H15.102-250930-0007"
CITIZEN = "066090900123"


def dossier(code: str = CODE, **changes: Any) -> dict[str, Any]:
    """A record that the strict profile takes without a remark."""
    record: dict[str, Any] = {
        "MaHoSo": code, "MaTTHC": "1.001193", "TenTTHC": "Đăng ký khai sinh", "MaLinhVuc": "G15-TP01",
        "TenLinhVuc": "Hộ tịch", "KenhThucHien": "2", "ChuHoSo": "Người Thử Nghiệm", "LoaiDoiTuong": "1",
        "MaDoiTuong": None, "DinhDanhCHS": [{"LoaiDinhDanh": "1", "SoDinhDanh": CITIZEN}], "Email": "",
        "SoDienThoai": "", "TrichYeuHoSo": "Đăng ký khai sinh cho con", "NgayNopHoSo": "20250929213000",
        "NgayTiepNhan": "20250930073500", "NgayHenTra": "20251001170000", "TrangThaiHoSo": "4", "NgayTra": "",
        "HinhThuc": "0", "NgayKetThucXuLy": "", "DonViXuLy": "UBND phường Tân Lập", "GhiChu": "",
        "NoiNopHoSo": "2", "HoSoCoThanhPhanSoHoa": "1", "TaiKhoanDuocXacThucVoiVNeID": "1",
        "DuocThanhToanTrucTuyen": "0", "NgayTuChoi": "", "DSKetNoiCSDL": [{"MaCSDL": "1"}],
        "TaiLieuNop": [{
            "TepDinhKemId": "91", "TenTepDinhKem": "to-khai.pdf", "IsDeleted": "False",
            "DuongDanTaiTepTin": "https://mot-cua.invalid/downloadfile/91", "DuocSoHoa": "1",
            "DuocTaiSuDung": "0", "DuocLayTuKhoDMQG": "0", "MaKetQuaThayThe": "",
        }],
        "DanhSachLePhi": [], "DanhSachGiayToKetQua": [],
    }  # fmt: skip
    return {**record, **changes}


def step(code: str = CODE, **changes: Any) -> dict[str, Any]:
    """A progress step that the strict profile takes without a remark."""
    record = {
        "MaHoSo": code, "NguoiXuLy": "Cán Bộ Thử", "ChucDanh": "", "ThoiDiemXuLy": "20250930101500",
        "PhongBanXuLy": "Bộ phận một cửa", "NoiDungXuLy": "Chuyển thụ lý", "TrangThai": "4", "NgayBatDau": "",
        "NgayKetThucTheoQuyDinh": "20251001170000",
    }  # fmt: skip
    return {**record, **changes}


def codes(count: int, unit: str = "H15.102") -> list[str]:
    return [f"{unit}-250930-{number:04d}" for number in range(1, count + 1)]


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Client:
    """A client that follows nothing, repeats nothing and hides nothing."""

    url: str
    session: str = ""
    timeout: float = 10.0
    _open: http.client.HTTPConnection | None = field(default=None, repr=False)

    def send(self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> Reply:
        if self._open is None:
            parts = urlsplit(self.url)
            assert parts.hostname
            self._open = http.client.HTTPConnection(parts.hostname, parts.port, timeout=self.timeout)
        try:
            self._open.request(method, path, body, headers or {})
            answer = self._open.getresponse()
            return Reply(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        except (OSError, http.client.HTTPException):
            self.close()
            raise

    def close(self) -> None:
        if self._open is not None:
            self._open.close()
            self._open = None

    def post(self, path: str, value: object, headers: dict[str, str] | None = None) -> Reply:
        return self.send("POST", path, json.dumps(value).encode(), headers)

    def login(self, user: str = USER, password: str = PASSWORD) -> dict[str, Any]:
        answer: dict[str, Any] = self.post("/mapi/login", {"username": user, "password": password}).json
        self.session = answer["session"]
        return answer

    def ask(self, service: str, path: str = "/mapi/g", **keys: Any) -> Reply:
        return self.post(path, {"session": self.session, "madonvi": "H15", "service": service, **keys})

    def push(self, *records: dict[str, Any], updating: bool = False) -> Reply:
        return self.ask("DongBoHoSoMC", isUpdating=str(updating), data=list(records))

    def steps(self, *records: dict[str, Any]) -> Reply:
        return self.ask("CapNhatTienDoHoSoMC", data=list(records))

    def control(self, method: str, path: str, value: object = None, token: str = TOKEN) -> Reply:
        body = b"" if value is None else json.dumps(value).encode()
        return self.send(method, f"/_control/{path}", body, {"X-Control-Token": token})


@dataclass
class Kit:
    """A portal that serves, and a client that has logged in."""

    running: Running
    client: Client

    def effects(self) -> list[tuple[str, str, bool]]:
        return [(e.record_key, e.kind, e.effect) for e in self.running.log.effects()]


def options(folder: Path, **changes: Any) -> PortalOptions:
    given = {"data": folder, "user": USER, "password": PASSWORD, "control_token": TOKEN, **changes}
    return PortalOptions(**given)


@contextmanager
def open_portal(folder: Path, **changes: Any) -> Iterator[Kit]:
    with running_portal(options(folder, **changes)) as running:
        client = Client(running.url)
        client.login()
        yield Kit(running, client)
        client.close()


def raw_exchange(url: str, request: bytes, seconds: float = 5.0) -> bytes:
    """Everything that a bare socket receives until the other side closes the connection."""
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), seconds) as connection:
        connection.sendall(request)
        received = b""
        while piece := connection.recv(65536):
            received += piece
        return received
