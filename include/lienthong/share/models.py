"""What the service answers, as its OpenAPI description tells it to developers elsewhere."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field


class _Told(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Problem(_Told):
    """Lỗi theo RFC 9457; không bao giờ lặp lại giá trị đã gửi."""

    type: str = Field(description="Mã lỗi dạng URN, ổn định, dùng cho chương trình.")
    title: str = Field(description="Điều gì đã xảy ra.")
    status: int = Field(description="Mã trạng thái HTTP.")
    detail: str = Field(description="Hệ thống chờ nhận điều gì và ai có thể khắc phục.")
    expected: list[str] = Field(default_factory=list, description="Yêu cầu đối với từng tham số bị sai.")
    request_id: str = Field(description="Mã yêu cầu, ghi trong nhật ký truy cập.")


class Item(_Told):
    """Một bản ghi, hoặc dấu vết của bản ghi đã bị xóa."""

    key: str = Field(description="Khóa của bản ghi: các cột khóa nối bằng «|».")
    version: int = Field(description="Phiên bản của riêng bản ghi, tăng dần từ 1.")
    change: int = Field(description="Phiên bản tập dữ liệu đã thay đổi bản ghi này lần cuối.")
    deleted: bool = Field(description="Đúng nếu nguồn không còn bản ghi này.")
    record: dict[str, Any] | None = Field(
        description="Các cột theo hợp đồng dữ liệu; cột bị che có giá trị null. Null nếu bản ghi đã bị xóa."
    )


class _Page(_Told):
    dataset: str = Field(description="Mã tập dữ liệu.")
    version: int = Field(description="Phiên bản hiện tại của tập dữ liệu.")
    masked: list[str] = Field(description="Các cột bị che (null) theo phân loại và quyền của mã truy cập.")
    items: list[Item] = Field(description="Các bản ghi của trang này.")
    next: str | None = Field(description="Giá trị «after» của trang sau; null ở trang cuối.")


class RecordPage(_Page):
    """Một trang bản ghi hiện có, theo thứ tự khóa."""

    since: int = Field(
        description="Phiên bản lúc bắt đầu duyệt. Duyệt hết các trang rồi gọi «changes?since=» với số này để nhận "
        "những thay đổi xảy ra trong khi duyệt."
    )


class ChangePage(_Page):
    """Một trang thay đổi, theo thứ tự phiên bản rồi đến khóa."""

    since: int = Field(description="Phiên bản mà hệ thống gọi đã có; sau trang đầu là vị trí đang duyệt.")
    next_since: int = Field(
        description="Phiên bản mà lượt duyệt này đi đến. Sau trang cuối, dùng số này làm «since» của lượt sau."
    )


class RecordAnswer(_Told):
    """Một bản ghi theo khóa."""

    dataset: str = Field(description="Mã tập dữ liệu.")
    masked: list[str] = Field(description="Các cột bị che (null).")
    item: Item


class ColumnAnswer(_Told):
    """Một cột của tập dữ liệu."""

    name: str = Field(description="Tên cột.")
    type: str = Field(description="Kiểu: string, integer, number, date, timestamp (có múi giờ), boolean.")
    title: str = Field(description="Tên đầy đủ.")
    classification: str = Field(description="Phân loại: public, internal, personal, sensitive.")
    access: str = Field(description="shown: có giá trị; masked: luôn null; withheld: không có trong bản ghi.")
    key: bool = Field(description="Đúng nếu là cột khóa.")
    codes: dict[str, str] = Field(description="Danh sách mã và ý nghĩa; rỗng nếu không giới hạn.")


class DatasetLine(_Told):
    """Một tập dữ liệu trong danh sách."""

    dataset: str = Field(description="Mã tập dữ liệu.")
    title: str = Field(description="Tên tập dữ liệu.")
    version: int = Field(description="Phiên bản hiện tại; 0 nếu chưa có dữ liệu.")
    changed_at: Annotated[datetime | None, Field(description="Lần thay đổi gần nhất.")]


class DatasetList(_Told):
    """Các tập dữ liệu mà mã truy cập được đọc."""

    items: list[DatasetLine]


class DatasetAnswer(DatasetLine):
    """Mô tả một tập dữ liệu."""

    purpose: str = Field(description="Mục đích sử dụng.")
    contract_version: str = Field(description="Phiên bản hợp đồng dữ liệu.")
    owner: str = Field(description="Cơ quan chủ quản.")
    support: list[str] = Field(description="Nơi hỏi về dữ liệu.")
    master: str = Field(description="Nơi giữ bản gốc: province (tỉnh) hoặc national (trung ương).")
    shared_database: int | None = Field(description="Số thứ tự cơ sở dữ liệu dùng chung của tỉnh.")
    content: str = Field(description="Loại nội dung theo khung quản trị dữ liệu quốc gia.")
    columns: list[ColumnAnswer]


class ExportLine(_Told):
    """Một tệp xuất toàn bộ."""

    file: str = Field(description="Tên tệp, có phiên bản của tập dữ liệu.")
    media_type: str = Field(description="Loại tệp.")
    version: int = Field(description="Phiên bản của tập dữ liệu trong tệp.")
    rows: int = Field(description="Số bản ghi.")
    bytes: int = Field(description="Dung lượng.")
    sha256: str = Field(description="Mã băm để kiểm tra sau khi tải.")
    made_at: datetime = Field(description="Thời điểm xuất.")
    masked: list[str] = Field(description="Các cột bị che (rỗng) trong tệp.")


class ExportList(_Told):
    """Các tệp xuất toàn bộ, mới nhất trước."""

    dataset: str
    items: list[ExportLine]


class Health(_Told):
    """Tình trạng của dịch vụ."""

    status: str = Field(description="ok, hoặc unavailable khi kho dữ liệu không trả lời.")
